import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

/**
 * The modules and the modules that each may import. A module is a folder directly in `src`, a file directly in `src`, or `machines`.
 * They are listed from the lowest layer up: no module imports a later one.
 */
const modules: readonly (readonly [name: string, mayImport: readonly string[]])[] = [
  ['machines', []],
  ['src/secret.ts', []],
  ['src/json-limit.ts', []],
  ['src/logger.ts', []],
  ['src/startup-error.ts', []],
  ['src/durable', []],
  ['src/storyboard', []],
  ['src/postgres', []],
  ['src/simulator', []],
  ['src/vault', ['src/secret.ts']],
  ['src/telemetry', ['src/logger.ts']],
  ['src/definitions', ['machines', 'src/durable']],
  ['src/store', ['src/durable']],
  ['src/queue', ['src/durable', 'src/store']],
  ['src/providers', ['machines', 'src/json-limit.ts', 'src/secret.ts', 'src/storyboard']],
  ['src/verdict', ['machines', 'src/providers']],
  ['src/config.ts', ['src/startup-error.ts', 'src/store']],
  ['src/rate-limit', ['src/secret.ts', 'src/store']],
  ['src/circuit-breaker', ['machines', 'src/definitions', 'src/durable', 'src/store']],
  [
    'src/tiktok-policy',
    ['src/circuit-breaker', 'src/logger.ts', 'src/providers', 'src/rate-limit', 'src/store'],
  ],
  [
    'src/commands',
    [
      'machines',
      'src/circuit-breaker',
      'src/definitions',
      'src/durable',
      'src/queue',
      'src/store',
      'src/storyboard',
    ],
  ],
  [
    'src/steps',
    [
      'machines',
      'src/circuit-breaker',
      'src/commands',
      'src/definitions',
      'src/durable',
      'src/providers',
      'src/secret.ts',
      'src/store',
      'src/storyboard',
      'src/vault',
      'src/verdict',
    ],
  ],
  [
    'src/inbound',
    [
      'machines',
      'src/commands',
      'src/logger.ts',
      'src/providers',
      'src/secret.ts',
      'src/store',
      'src/vault',
      'src/verdict',
    ],
  ],
  [
    'src/graphql',
    [
      'machines',
      'src/circuit-breaker',
      'src/commands',
      'src/definitions',
      'src/durable',
      'src/json-limit.ts',
      'src/logger.ts',
      'src/rate-limit',
      'src/store',
      'src/tiktok-policy',
      'src/vault',
      'src/verdict',
    ],
  ],
  [
    'src/rehearsal',
    [
      'machines',
      'src/commands',
      'src/secret.ts',
      'src/simulator',
      'src/startup-error.ts',
      'src/store',
      'src/storyboard',
      'src/telemetry',
      'src/vault',
      'src/verdict',
    ],
  ],
  [
    'src/app',
    [
      'src/circuit-breaker',
      'src/commands',
      'src/config.ts',
      'src/definitions',
      'src/durable',
      'src/graphql',
      'src/inbound',
      'src/logger.ts',
      'src/postgres',
      'src/providers',
      'src/queue',
      'src/rate-limit',
      'src/rehearsal',
      'src/secret.ts',
      'src/startup-error.ts',
      'src/steps',
      'src/store',
      'src/telemetry',
      'src/tiktok-policy',
      'src/vault',
      'src/verdict',
    ],
  ],
  [
    'src/cli',
    [
      'src/app',
      'src/circuit-breaker',
      'src/commands',
      'src/config.ts',
      'src/definitions',
      'src/durable',
      'src/logger.ts',
      'src/queue',
      'src/startup-error.ts',
      'src/store',
      'src/telemetry',
      'src/vault',
      'src/verdict',
    ],
  ],
  ['src/main.ts', ['src/app', 'src/cli']],
]

/** The only modules that may import these libraries. */
const owners: Readonly<Record<string, readonly string[]>> = {
  kysely: ['src/store'],
  pg: ['src/store', 'src/postgres'],
  // A command is handed the queue that its transaction sends to.
  'pg-boss': ['src/queue', 'src/commands/command-deps.ts'],
  xstate: ['machines', 'src/durable'],
  graphql: ['src/graphql'],
  'graphql-yoga': ['src/graphql'],
  'graphql-ws': ['src/graphql'],
  '@pothos/core': ['src/graphql'],
  ws: ['src/graphql'],
  '@redis/client': ['src/rate-limit/redis'],
  pino: ['src/logger.ts'],
  '@tus/server': ['src/inbound'],
  '@tus/file-store': ['src/inbound'],
}

/** A folder that holds more is too much to scan. */
const maxFilesInFolder = 25

interface SourceFile {
  readonly name: string
  readonly text: string
}

const moduleOf = (file: string): string =>
  file.startsWith('machines/') ? 'machines' : file.split('/').slice(0, 2).join('/')

function importsOf({ name, text }: SourceFile): readonly string[] {
  const found = text.matchAll(
    /^(?:import|export)[^'"]*?from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gms,
  )
  return [...found].map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3] ?? ''
    return specifier.startsWith('.') ? path.normalize(path.join(path.dirname(name), specifier)) : specifier
  })
}

const isOurs = (target: string) => target.startsWith('src/') || target.startsWith('machines/')
const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')

/** Returns a sentence for each rule of its module that a file breaks. */
function violations(files: readonly SourceFile[]): readonly string[] {
  const rank = new Map(modules.map(([moduleName], index) => [moduleName, index]))
  const allowed = new Map(modules)
  return files.flatMap((file) => {
    const { name, text } = file
    const moduleName = moduleOf(name)
    if (!rank.has(moduleName)) return [`${name} is in no listed module`]
    return [
      ...importsOf(file).flatMap((target) => {
        if (!isOurs(target)) {
          const owner = owners[packageOf(target)]
          return owner && !owner.some((prefix) => name === prefix || name.startsWith(`${prefix}/`))
            ? [`${name} imports ${packageOf(target)}`]
            : []
        }
        const other = moduleOf(target)
        if (other === moduleName) return []
        if ((rank.get(other) ?? Number.POSITIVE_INFINITY) > (rank.get(moduleName) ?? 0))
          return [`${name} imports upward: ${target}`]
        return allowed.get(moduleName)?.includes(other) ? [] : [`${name} imports ${target}`]
      }),
      ...(moduleName === 'machines' ? impurities(file) : []),
      ...(moduleName !== 'src/main.ts' && text.includes('process.env')
        ? [`${name} reads the environment`]
        : []),
    ]
  })
}

/** A machine imports XState and other machines, and decides by what events tell it: no clock, no chance, no input or output. */
function impurities(file: SourceFile): readonly string[] {
  const foreign = importsOf(file).filter((target) => !isOurs(target) && target !== 'xstate')
  const globals = file.text
    .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
    .match(
      /\b(?:Date\.now|new Date\(\)|Math\.random|performance|process|setTimeout|setInterval|crypto|fetch)\b|new Date\(\)/g,
    )
  return [...foreign, ...(globals ?? [])].map((what) => `${file.name} is not pure: ${what}`)
}

/** Files that import each other in a circle, types included; the first circle that is found. */
function circle(files: readonly SourceFile[]): readonly string[] {
  const targets = new Map(files.map((file) => [file.name, importsOf(file).filter(isOurs)]))
  const done = new Set<string>()
  const visit = (name: string, trail: readonly string[]): readonly string[] => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name]
    if (done.has(name)) return []
    for (const target of targets.get(name) ?? []) {
      const found = visit(target, [...trail, name])
      if (found.length > 0) return found
    }
    done.add(name)
    return []
  }
  for (const { name } of files) {
    const found = visit(name, [])
    if (found.length > 0) return found
  }
  return []
}

const root = new URL('..', import.meta.url).pathname
const names = (
  await Promise.all(
    ['machines', 'src'].map(async (folder) =>
      (
        await readdir(path.join(root, folder), { recursive: true, withFileTypes: true })
      )
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name))),
    ),
  )
).flat()
const files = await Promise.all(
  names
    .filter((name) => name.endsWith('.ts'))
    .map(async (name) => ({ name, text: await readFile(path.join(root, name), 'utf8') })),
)

describe('the modules', () => {
  it('import only what they may, and libraries only where they are owned', () => {
    expect(violations(files)).toEqual([])
  })

  it('are listed only if they exist, with imports only if they are used', () => {
    const arrows = new Set(
      files.flatMap((file) =>
        importsOf(file)
          .filter(isOurs)
          .map((target) => `${moduleOf(file.name)} → ${moduleOf(target)}`),
      ),
    )
    const existing = new Set(files.map(({ name }) => moduleOf(name)))
    expect(
      modules.filter(([moduleName]) => !existing.has(moduleName)).map(([moduleName]) => moduleName),
    ).toEqual([])
    expect(
      modules.flatMap(([moduleName, mayImport]) =>
        mayImport
          .filter((other) => !arrows.has(`${moduleName} → ${other}`))
          .map((other) => `${moduleName} → ${other}`),
      ),
    ).toEqual([])
  })

  it('have no circular import', () => {
    expect(circle(files)).toEqual([])
  })

  it(`have at most ${maxFilesInFolder} files side by side in a folder`, () => {
    const counts = Map.groupBy(names, (name) => path.dirname(name))
    expect(
      [...counts].filter(([, inside]) => inside.length > maxFilesInFolder).map(([folder]) => folder),
    ).toEqual([])
  })
})

describe('the rules of the modules', () => {
  it.each([
    ['a new top-level module', 'src/attic/box.ts', '', 'src/attic/box.ts is in no listed module'],
    [
      'kysely outside of the store',
      'src/commands/x.ts',
      "import { sql } from 'kysely'",
      'src/commands/x.ts imports kysely',
    ],
    [
      'pg-boss in a step',
      'src/steps/x.ts',
      "import { PgBoss } from 'pg-boss'",
      'src/steps/x.ts imports pg-boss',
    ],
    [
      'an import upward',
      'src/store/x.ts',
      "import { app } from '../app/app.ts'",
      'src/store/x.ts imports upward: src/app/app.ts',
    ],
    [
      'an import that is not listed',
      'src/graphql/x.ts',
      "import { boss } from '../queue/boss.ts'",
      'src/graphql/x.ts imports src/queue/boss.ts',
    ],
    [
      'a machine that imports a clock',
      'machines/x.ts',
      "import { setTimeout } from 'node:timers/promises'",
      'machines/x.ts is not pure: node:timers/promises',
    ],
    [
      'a machine that reads the clock',
      'machines/x.ts',
      'const at = Date.now()',
      'machines/x.ts is not pure: Date.now',
    ],
    ['the environment', 'src/app/x.ts', 'process.env.PORT', 'src/app/x.ts reads the environment'],
  ])('forbid %s', (_what, name, text, sentence) => {
    expect(violations([{ name, text }])).toContain(sentence)
  })

  it('forbid a circle', () => {
    const a = { name: 'src/store/a.ts', text: "import { b } from './b.ts'" }
    const b = { name: 'src/store/b.ts', text: "import { a } from './a.ts'" }
    expect(circle([a, b])).toEqual(['src/store/a.ts', 'src/store/b.ts', 'src/store/a.ts'])
  })
})
