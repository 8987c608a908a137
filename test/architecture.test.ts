import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'

const root = new URL('..', import.meta.url).pathname

/** What each room may import from: the arrows point one way. A room that is not named here may not be imported at all. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  machines: [],
  'src/durable': [],
  'src/storyboard': [],
  'src/planning': [],
  'src/store': ['src/durable', 'src/store'],
  'src/queue': ['src/durable', 'src/store'],
  'src/commands': ['machines', 'src/durable', 'src/store', 'src/queue', 'src/planning', 'src/storyboard'],
  'src/providers': ['machines', 'src/storyboard', 'src/json-limit.ts', 'src/secret.ts'],
  'src/verdict': ['machines'],
  'src/limits': [
    'machines',
    'src/durable',
    'src/store',
    'src/providers/tiktok',
    'src/secret.ts',
    'src/telemetry',
  ],
  'src/breakers': [
    'machines',
    'src/durable',
    'src/store',
    'src/commands',
    'src/providers/tiktok',
    'src/telemetry',
  ],
  'src/vault': ['src/secret.ts'],
  'src/steps': [
    'machines',
    'src/durable',
    'src/store',
    'src/commands',
    'src/breakers',
    'src/providers',
    'src/storyboard',
    'src/verdict',
    'src/vault',
    'src/secret.ts',
  ],
  'src/inbound': [
    'machines',
    'src/commands',
    'src/steps',
    'src/store',
    'src/providers/tiktok',
    'src/verdict',
    'src/vault',
    'src/secret.ts',
    'src/telemetry',
  ],
  'src/graphql': [
    'src/json-limit.ts',
    'machines',
    'src/commands',
    'src/durable',
    'src/store',
    'src/queue',
    'src/limits',
    'src/storyboard',
    'src/planning',
    'src/providers/storage',
    'src/verdict',
    'src/telemetry',
  ],
}

/** Packages that only one room may know. */
const onlyIn: Readonly<Record<string, readonly string[]>> = {
  'pg-boss': ['src/queue', 'src/commands/deps.ts'],
  pg: ['src/store'],
  'graphql-yoga': ['src/graphql'],
  xstate: ['machines', 'src/durable'],
  '@redis/client': ['src/limits/redis'],
}

const files = (
  await Promise.all(
    ['machines', 'src'].map((folder) =>
      readdir(path.join(root, folder), { recursive: true }).then((names) =>
        names.map((name) => path.join(folder, name)),
      ),
    ),
  )
)
  .flat()
  .filter((name) => name.endsWith('.ts'))

const imports = await Promise.all(
  files.map(async (file) => {
    const text = await readFile(path.join(root, file), 'utf8')
    const found = [...text.matchAll(/^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'/gms)]
    return { file, from: found.map((match) => match[1] ?? match[2] ?? '') }
  }),
)
const within = (file: string, rooms: readonly string[]) =>
  rooms.some((room) => file === room || file.startsWith(`${room}/`))

it('lets imports point one way between the rooms of the house', () => {
  const strangers = imports.flatMap(({ file, from }) => {
    const room = Object.keys(mayImport).find((name) => within(file, [name]))
    if (!room) return []
    return from
      .filter((name) => name.startsWith('.'))
      .map((name) => path.normalize(path.join(path.dirname(file), name)))
      .filter((target) => !within(target, [room, ...(mayImport[room] ?? [])]))
      .map((target) => `${file} imports ${target}`)
  })
  expect(strangers).toEqual([])
})

it('keeps each library in the room that owns it', () => {
  const strangers = imports.flatMap(({ file, from }) =>
    from.flatMap((name) => {
      const owners = onlyIn[name]
      return owners && !within(file, owners) ? [`${file} imports ${name}`] : []
    }),
  )
  expect(strangers).toEqual([])
})

it('reads the environment in one place', async () => {
  const readers = await Promise.all(
    files.map(async (file) =>
      (await readFile(path.join(root, file), 'utf8')).includes('process.env') ? [file] : [],
    ),
  )
  expect(readers.flat().filter((file) => file !== 'src/main.ts')).toEqual([])
})
