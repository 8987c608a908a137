import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, it, onTestFinished } from 'vitest'
import { createRenderClaims } from '../../../../src/app/open-renderer.ts'
import { createDiskStorage } from '../../../../src/providers/storage/disk-storage.ts'
import type { LocalProvider } from '../../../../src/providers/video/local/local-provider.ts'
import { createSharedProvider } from '../../../../src/providers/video/local/shared-provider.ts'
import type { JobRef } from '../../../../src/providers/video/provider.ts'
import { prune } from '../../../../src/store/prune.ts'
import { createOrganization, createTestDatabase } from '../../../support/database.ts'
import { waitUntil } from '../../../support/wait.ts'
import {
  clipFolder,
  localProvider,
  pollUntil,
  signal,
  smallStoryboard,
  temporaryFolder,
} from './render-harness.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const organizationId = await createOrganization(database)
const { pool } = database.owner

/** Two machines with disks of their own and one storage. */
async function openMachines() {
  const storage = await createDiskStorage({ directory: await temporaryFolder() })
  const open = async (name: string) => {
    const directory = await temporaryFolder()
    const errors: unknown[] = []
    const provider = createSharedProvider({
      local: localProvider({ directory }),
      claims: createRenderClaims(db, name),
      storage,
      onError: (error) => errors.push(error),
    })
    onTestFinished(() => provider.close())
    return { provider, directory, errors }
  }
  return { storage, a: await open('a'), b: await open('b') }
}

let seed = 0
/** A scene that no other test renders. */
const nextScene = (seconds: number) => {
  seed += 1
  return smallStoryboard([{ seconds, text: `Scene ${seed}` }])
}

async function submit(provider: LocalProvider, storyboard: ReturnType<typeof nextScene>): Promise<JobRef> {
  const plan = provider.plan({ key: 'x', storyboard, sceneIndex: 0 })
  if (plan.kind === 'refused') throw new Error(plan.message)
  return await provider.submit(plan, { signal, organizationId })
}

const startsOf = (directory: string, storyboard: ReturnType<typeof nextScene>) => {
  const file = path.join(clipFolder(directory, storyboard), 'starts')
  return existsSync(file) ? readFileSync(file, 'utf8').length : 0
}

it('a clip is rendered by one machine, and found and read by the other one', async () => {
  const { storage, a, b } = await openMachines()
  const scene = nextScene(3)
  const ref = await submit(a.provider, scene)
  // Another job with the same scene, at the other machine.
  expect(await submit(b.provider, scene)).toEqual(ref)
  expect(await b.provider.poll(ref, { signal })).toMatchObject({ kind: 'running' })

  const { assets } = await pollUntil(b.provider, ref, 'done')
  const [asset] = assets
  if (!asset) throw new Error('the clip has no asset')
  const bytes = await buffer(await b.provider.open(ref, asset, { signal }))
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(asset.sha256)
  expect(await storage.stat(organizationId, asset.sha256 ?? '')).toEqual({
    sha256: asset.sha256,
    bytes: asset.bytes,
  })
  expect([startsOf(a.directory, scene), startsOf(b.directory, scene)]).toEqual([1, 0])
  expect([...a.errors, ...b.errors]).toEqual([])

  // A stored clip that was freed is asked of its machine again, which still has it.
  await storage.remove(organizationId, asset.sha256 ?? '')
  expect((await pollUntil(a.provider, ref, 'done')).assets[0]?.sha256).toBe(asset.sha256)
  await waitUntil(() => storage.stat(organizationId, asset.sha256 ?? ''), Boolean)
  expect(startsOf(a.directory, scene)).toBe(1)
})

it('a machine that stops leaves its clips to the other one at once', async () => {
  const { a, b } = await openMachines()
  const scene = nextScene(30)
  const ref = await submit(a.provider, scene)
  await pollUntil(a.provider, ref, 'running', ({ progress = 0 }) => progress > 0)
  await a.provider.close()
  await pollUntil(b.provider, ref, 'running', ({ progress = 0 }) => progress > 0)
  expect(startsOf(b.directory, scene)).toBe(1)
})

it('a clip whose machine has died is taken over, and a machine that only stood still stops rendering it', async () => {
  const { a, b } = await openMachines()
  const scene = nextScene(60)
  const ref = await submit(a.provider, scene)
  await pollUntil(a.provider, ref, 'running', ({ progress = 0 }) => progress > 0)
  // As if the machine had not renewed for longer than it may: its next renewal comes too late.
  const [clipKey = ''] = await keysOf()
  await pool.query(`update reelpilot.clip_render set machine = 'b', renewed_at = now() where clip_key = $1`, [
    clipKey,
  ])
  await pollUntil(b.provider, ref, 'running', ({ progress = 0 }) => progress > 0)
  await waitUntil(
    () => existsSync(path.join(clipFolder(a.directory, scene), 'lock')),
    (isLocked) => !isLocked,
  )
  expect(await a.provider.poll(ref, { signal })).toMatchObject({ kind: 'running' })
  expect([startsOf(a.directory, scene), startsOf(b.directory, scene)]).toEqual([1, 1])
})

const keysOf = async () =>
  (
    await pool.query(`select clip_key from reelpilot.clip_render where sha256 is null and machine = 'a'`)
  ).rows.map(({ clip_key }) => clip_key as string)

it('a claim that was not renewed for 20 seconds is free', async () => {
  await pool.query(
    `insert into reelpilot.clip_render (organization_id, clip_key, machine, renewed_at)
     values ($1, 'dead', 'd', now() - interval '21 seconds'), ($1, 'alive', 'd', now() - interval '10 seconds')`,
    [organizationId],
  )
  const claims = createRenderClaims(db, 'e')
  const claimed = await claims.claim(organizationId, ['dead', 'alive'])
  expect(claimed).toEqual(
    new Map([
      ['dead', { kind: 'ours' }],
      ['alive', { kind: 'elsewhere', progress: 0 }],
    ]),
  )
  const other = await createOrganization(database)
  expect(await claims.claim(other, ['alive'])).toEqual(new Map([['alive', { kind: 'ours' }]]))
})

it('records of clips are deleted after a day', async () => {
  await pool.query(
    `insert into reelpilot.clip_render (organization_id, clip_key, machine, renewed_at)
     values ($1, 'old', 'c', now() - interval '25 hours'), ($1, 'young', 'c', now() - interval '23 hours')`,
    [organizationId],
  )
  await prune(db)
  const { rows } = await pool.query(`select clip_key from reelpilot.clip_render where machine = 'c'`)
  expect(rows).toEqual([{ clip_key: 'young' }])
})
