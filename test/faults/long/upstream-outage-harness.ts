import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { onTestFinished } from 'vitest'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { connectLocalAccount } from '../../../src/rehearsal/local-account.ts'
import { startLocalTikTok } from '../../../src/simulator/local-tiktok.ts'
import type { LocalTikTok } from '../../../src/simulator/simulator.ts'
import { insertStoredVideo } from '../../../src/store/media/stored-video.ts'
import { setRateLimit } from '../../../src/store/rate-limit/settings.ts'
import { createEncryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { insertStoredJob } from '../../steps/publish/stored-job.ts'
import { defaultVideo, makeVideo } from '../../steps/publish/video.ts'
import { createVirtualClock } from '../../steps/publish/virtual-clock.ts'
import { createOrganization } from '../../support/database.ts'
import { createOwnServer, type OwnServer } from '../../support/own-server.ts'
import type { DriverSettings } from './upstream-outage-driver.ts'
import type { Fleet } from './upstream-outage-fleet.ts'

/** The stored state of a job. */
export interface Job {
  readonly id: string
  readonly state: string
  readonly attempts: number
  /** Epoch milliseconds. */
  readonly wakeAt: number
}

/** Jobs whose videos are stored and whose slots are due in a minute. Postgres and the local TikTok share a virtual clock. */
export interface OutageHarness {
  readonly database: OwnServer
  readonly local: LocalTikTok
  readonly jobIds: readonly string[]
  readonly settings: DriverSettings
  /** Epoch milliseconds. */
  now(): number
  jobs(): Promise<readonly Job[]>
  /** Advances the clock without driving jobs. */
  pass(milliseconds: number): Promise<void>
  /**
   * Drives due jobs by the fleet until `end`, and advances the clock by ticks while no job is due. Stops early once `isOver`
   * returns true. Returns the number of drives.
   */
  live(
    fleet: Fleet,
    end: number,
    isOver?: (jobs: readonly Job[]) => boolean | Promise<boolean>,
  ): Promise<number>
}

export async function createOutageHarness({
  accounts,
  jobsPerAccount,
  atOnce,
  tickMs,
}: {
  readonly accounts: number
  readonly jobsPerAccount: number
  /** The number of jobs that each process drives concurrently. */
  readonly atOnce: number
  /** The step of the virtual clock: jobs due within it are driven together. */
  readonly tickMs: number
}): Promise<OutageHarness> {
  const database = await createOwnServer()
  const clock = await createVirtualClock(database)
  const { db } = database.runtime
  const organizationId = await createOrganization(database)
  await setRateLimit(db, organizationId, 'uploads', 10_000)

  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-outage-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const mediaDirectory = path.join(directory, 'media')
  const storage = await createDiskStorage({ directory: mediaDirectory })
  const kept = await storage.put(organizationId, await makeVideo(directory, defaultVideo))
  const properties = {
    contentType: 'video/mp4',
    seconds: defaultVideo.seconds,
    width: 360,
    height: 640,
  } as const
  const media = { ...kept, ...properties }
  await insertStoredVideo(db, { organizationId, ...media })

  const simulatorSettings = { processingMs: 0, moderationMs: 0, webhooks: 'off' } as const
  const local = await startLocalTikTok({ persist: false, settings: simulatorSettings })
  onTestFinished(() => local.stop())
  const key = randomBytes(32)
  const ring = keyRingOf([key])
  const encryptor = createEncryptor(() => ring)
  const jobIds: string[] = []
  for (let index = 0; index < accounts; index += 1) {
    const creator = { organizationId, username: `creator${index}` }
    const accountId = await connectLocalAccount(db, local, encryptor, creator)
    const owner = { database, organizationId, video: async () => media }
    for (let index = 0; index < jobsPerAccount; index += 1)
      jobIds.push(await insertStoredJob(owner, accountId, {}))
  }

  async function jobs(): Promise<readonly Job[]> {
    const columns = ['id', 'state', 'context', 'wake_at'] as const
    const rows = await db.selectFrom('machine_instance').select(columns).where('id', 'in', jobIds).execute()
    return rows.map(({ id, state, context, wake_at }) => ({
      id,
      state,
      attempts: (context as { readonly attempts: number }).attempts, // Part of the job machine's context.
      wakeAt: wake_at?.getTime() ?? Number.POSITIVE_INFINITY,
    }))
  }
  async function pass(milliseconds: number): Promise<void> {
    await clock.advance(milliseconds)
    local.advance(milliseconds / 1_000)
  }
  return {
    database,
    local,
    jobIds,
    settings: {
      databaseUrl: database.url,
      mediaDirectory,
      secretKey: key.toString('base64'),
      tiktok: { apiBase: local.url, ...local.app },
      atOnce,
    },
    now: clock.now,
    jobs,
    pass,
    async live(fleet, end, isOver = () => false) {
      let drives = 0
      for (;;) {
        const all = await jobs()
        if (await isOver(all)) return drives
        const now = clock.now()
        const due = all.filter(({ wakeAt }) => wakeAt <= now)
        const ends = await fleet.drive({ ids: due.map(({ id }) => id) })
        const rested = ends.filter((ended) => ended === 'rested').length
        drives += rested
        if (rested > 0) continue
        // A due job that was not driven has a lease, which expires within the next ticks.
        const next = Math.min(...all.map(({ wakeAt }) => Math.max(wakeAt, now + 1)))
        if (next >= end) {
          await pass(Math.max(0, end - clock.now()))
          return drives
        }
        await pass(Math.ceil((next - now) / tickMs) * tickMs)
      }
    },
  }
}
