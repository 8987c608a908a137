import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import { bundledTimeZones } from '../../src/commands/plan/wall-time.ts'
import { connectLocalAccount } from '../../src/rehearsal/local-account.ts'
import { startLocalTikTok } from '../../src/simulator/local-tiktok.ts'
import type { SimulatorSettings } from '../../src/simulator/settings.ts'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'
import { approveSlots } from '../../src/store/plan/approvals.ts'
import { grantQuota } from '../../src/store/quota/adjustments.ts'
import { type RateLimitName, setRateLimit } from '../../src/store/rate-limit/settings.ts'
import { createEncryptor, type Encryptor } from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { createOrganization, type TestDatabase } from './database.ts'
import type { WorkerSettings } from './worker-process.ts'

/** The environment of real jobs: a local TikTok, a data directory, and an organization with approved slots. */
export interface WorkerFixture {
  readonly organizationId: string
  readonly tiktok: LocalTikTok
  readonly settings: WorkerSettings
  readonly slotIds: readonly string[]
  readonly encryptor: Encryptor
  close(): Promise<void>
}

/** Two short scenes in the smallest size that TikTok accepts. They are rendered in a second or two. */
export const shortStoryboard = {
  title: 'Short',
  size: { width: 360, height: 640 },
  scenes: [
    { seconds: 1.5, text: 'A first scene' },
    { seconds: 1.5, text: 'And a second one' },
  ],
}

export interface WorkerFixtureOptions {
  /** Default: 4, because TikTok permits six posts a minute for each account. */
  readonly slotsPerAccount?: number
  /** Whether all slots have the same storyboard, so that it is rendered once. */
  readonly sameVideo?: boolean
  readonly simulatorSettings?: Partial<SimulatorSettings>
  /** The organization's own limits. Default: 10,000, which no test reaches. TikTok's limits per account always apply. */
  readonly limits?: Partial<Readonly<Record<RateLimitName, number>>>
}

export async function createWorkerFixture(
  database: TestDatabase,
  slots: number,
  { slotsPerAccount = 4, sameVideo = false, simulatorSettings = {}, limits = {} }: WorkerFixtureOptions = {},
): Promise<WorkerFixture> {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-worker-'))
  const tiktok = await startLocalTikTok({
    directory: path.join(directory, 'tiktok'),
    settings: { processingMs: 300, moderationMs: 500, ...simulatorSettings },
  })
  const key = randomBytes(32)
  const ring = keyRingOf([key])
  const encryptor = createEncryptor(() => ring)
  const { db } = database.runtime
  const organizationId = await createOrganization(database, 'Worker fixture')
  await grantQuota(db, organizationId, { metric: 'videos', amount: 1_000 }, null)
  await grantQuota(db, organizationId, { metric: 'seconds', amount: 10_000 }, null)

  for (const name of ['uploads', 'reads', 'posts'] as const)
    await setRateLimit(db, organizationId, name, limits[name] ?? 10_000)

  const slotIds: string[] = []
  for (let first = 0; first < slots; first += slotsPerAccount) {
    const accountId = await connectLocalAccount(db, tiktok, encryptor, {
      organizationId,
      username: `creator${first}`,
    })
    const planId = randomUUID()
    await db
      .insertInto('plan')
      .values({
        id: planId,
        organization_id: organizationId,
        account_id: accountId,
        name: `Plan ${first}`,
        time_zone: 'UTC',
        state: 'approved',
        revision: 1,
        autopilot: true,
      })
      .execute()
    for (let index = first; index < Math.min(first + slotsPerAccount, slots); index += 1) {
      const id = randomUUID()
      slotIds.push(id)
      const publishAt = new Date(Date.now() + 5_000)
      await db
        .insertInto('slot')
        .values({
          id,
          organization_id: organizationId,
          plan_id: planId,
          wall_time: publishAt.toISOString().slice(0, 19),
          publish_at: publishAt,
          tzdata_version: bundledTimeZones.version,
          storyboard: JSON.stringify(
            sameVideo ? shortStoryboard : { ...shortStoryboard, title: `Slot ${index}`, seed: index },
          ),
          caption: id,
          privacy: 'PUBLIC_TO_EVERYONE',
        })
        .execute()
    }
    await approveSlots(db, organizationId, planId)
  }
  return {
    organizationId,
    tiktok,
    slotIds,
    encryptor,
    settings: {
      databaseUrl: database.url,
      directory,
      secretKey: key.toString('base64'),
      tiktok: { apiBase: tiktok.url, ...tiktok.app },
      kills: [],
    },
    async close() {
      await tiktok.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** A worker in its own process, which a test can kill. */
export interface WorkerProcess {
  readonly child: ChildProcess
  /** `reached` is the kill point at which it killed itself. */
  readonly exited: Promise<{
    readonly reached: string | null
    readonly code: number | null
    readonly signal: string | null
  }>
}

/** Starts a worker process. Its log goes to `onLog`. Default: the test's standard error. */
export function startWorkerProcess(settings: WorkerSettings, onLog?: (text: string) => void): WorkerProcess {
  const file = fileURLToPath(new URL('./worker-process.ts', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // The process must not outlive the test.
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stderr.setEncoding('utf8').on('data', onLog ?? ((text: string) => process.stderr.write(text)))
  let reached: string | null = null
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('killed at ')) reached = line.slice('killed at '.length)
  })
  const exited = once(child, 'close').then(([code, signal]) => ({ reached, code, signal }))
  return { child, exited }
}
