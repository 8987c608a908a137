import { randomBytes, randomUUID } from 'node:crypto'
import { enableCompileCache } from 'node:module'
import path from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { createWithBreaker } from '../../src/circuit-breaker/with-breaker.ts'
import { jobIdOf } from '../../src/commands/job/start-slot-jobs.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { wakeAtOf } from '../../src/durable/checkpoint.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import { createDatabaseClock } from '../../src/durable/instance-store.ts'
import { LeaseKeeper } from '../../src/durable/lease-keeper.ts'
import { createFfmpegFinder } from '../../src/providers/media/modern-ffmpeg.ts'
import { createDiskStorage } from '../../src/providers/storage/disk-storage.ts'
import type { Storage } from '../../src/providers/storage/storage.ts'
import { createTikTokClient } from '../../src/providers/tiktok/client.ts'
import { createLocalProvider } from '../../src/providers/video/local/local-provider.ts'
import { createInstanceStore } from '../../src/queue/instance-store.ts'
import { connectLocalAccount } from '../../src/rehearsal/local-account.ts'
import { Secret } from '../../src/secret.ts'
import { startLocalTikTok } from '../../src/simulator/local-tiktok.ts'
import { createSteps } from '../../src/steps/catalogue.ts'
import type { StepReport } from '../../src/steps/step-report.ts'
import { readDatabaseTime } from '../../src/store/database.ts'
import { appendEvent } from '../../src/store/event/append.ts'
import { insertInstance } from '../../src/store/job/jobs.ts'
import { approveSlots } from '../../src/store/plan/approvals.ts'
import { grantQuota } from '../../src/store/quota/adjustments.ts'
import { createEncryptor } from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'
import { nextStepFor } from '../../src/verdict/failure-verdict.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { type DrivenJob, driveJob } from '../support/driven-job.ts'
import { shortStoryboard } from '../support/worker-fixture.ts'
import { createVirtualClock } from './publish/virtual-clock.ts'

// Renderers that tests start need a third less processor time until they paint.
enableCompileCache(process.env.NODE_COMPILE_CACHE)

/** A worker's own resources, each of which a test may break. */
export interface WorkerOptions {
  readonly directory: string
  readonly ffmpegPath?: string
  readonly mediaDirectory?: string
  /** Default: a disk storage in `mediaDirectory`. */
  readonly storage?: Storage
}

/** A database with a virtual clock, an organization with quota, and workers that drive jobs from their first state. */
export async function createHostHarness() {
  const database = await createTestDatabase()
  const clock = await createVirtualClock(database)
  const deps = await createCommandDeps(database)
  const { db } = database.runtime
  const organizationId = await createOrganization(database)
  await grantQuota(db, organizationId, { metric: 'videos', amount: 1_000 }, null)
  await grantQuota(db, organizationId, { metric: 'seconds', amount: 10_000 }, null)
  const ring = keyRingOf([randomBytes(32)])
  const encryptor = createEncryptor(() => ring)

  async function openWorker(options: WorkerOptions) {
    const reports: StepReport[] = []
    const local = await startLocalTikTok({ persist: false, settings: { processingMs: 0, moderationMs: 0 } })
    onTestFinished(() => local.stop())
    local.advance(clock.offsetMs() / 1_000)
    const accountId = await connectLocalAccount(db, local, encryptor, {
      organizationId,
      username: `creator${randomBytes(4).toString('hex')}`,
    })
    const media = options.mediaDirectory ?? path.join(options.directory, 'media')
    const storage = options.storage ?? (await createDiskStorage({ directory: media }))
    const videos = createLocalProvider({
      directory: path.join(options.directory, 'renders'),
      ...(options.ffmpegPath && { ffmpegPath: options.ffmpegPath }),
    })
    onTestFinished(() => videos.close())
    const { clientKey, clientSecret } = local.app
    const tiktok = createTikTokClient({
      apiBase: local.url,
      authorizeBase: local.url,
      clientKey,
      clientSecret: new Secret(clientSecret),
    })
    const databaseClock = createDatabaseClock()
    const { boss } = deps
    const instanceStore = createInstanceStore({
      db,
      boss,
      clock: databaseClock,
      owner: 'test',
      onCommitted: () => undefined,
    })
    const keeper = new LeaseKeeper(instanceStore, 2_500, (error) => console.error(error))
    onTestFinished(() => keeper.stop())
    const steps = createSteps({
      ...deps,
      db,
      storage,
      videos,
      withBreaker: createWithBreaker({ db }),
      tiktok,
      encryptor,
      latePostGapMs: 300_000,
      mediaFfmpeg: createFfmpegFinder(undefined),
      workDirectory: path.join(options.directory, 'work'),
      ...(options.ffmpegPath && { ffmpegPath: options.ffmpegPath }),
      report: (report) => void reports.push(report),
    })
    const advanceClock = async (milliseconds: number) => {
      const before = clock.offsetMs()
      await clock.advance(milliseconds)
      local.advance((clock.offsetMs() - before) / 1_000)
    }
    const runtime = { instanceStore, keeper, machines: deps.machines, steps, clock: databaseClock }
    const parts = { db, deps, runtime, tiktok: local, now: clock.now, advanceClock, receivesWebhooks: false }
    return {
      reports,
      storage,
      videos,
      local,
      accountId,
      /** Drives any job of the account. */
      drive: (jobId: string) => driveJob(parts, { jobId, organizationId, accountId }),
      async start(storyboard: object = shortStoryboard): Promise<DrivenJob> {
        const jobId = await insertFreshJob(accountId, storyboard)
        return driveJob(parts, { jobId, organizationId, accountId })
      },
      /** Drives another worker's job by this worker. */
      takeOver: ({ jobId, accountId: owner }: DrivenJob) =>
        driveJob(parts, { jobId, organizationId, accountId: owner }),
    }
  }

  async function insertFreshJob(accountId: string, storyboard: object): Promise<string> {
    const at = await readDatabaseTime(db)
    const publishAt = at + 3_600_000
    const [planId, slotId] = [randomUUID(), randomUUID()]
    const owner = { organization_id: organizationId }
    const plan = { id: planId, account_id: accountId, name: 'Plan', time_zone: 'UTC' }
    await db
      .insertInto('plan')
      .values({ ...owner, ...plan, state: 'approved', revision: 1, autopilot: true })
      .execute()
    await db
      .insertInto('slot')
      .values({
        ...owner,
        id: slotId,
        plan_id: planId,
        wall_time: new Date(publishAt).toISOString().slice(0, 19),
        publish_at: new Date(publishAt),
        storyboard: JSON.stringify(storyboard),
        caption: slotId,
        privacy: 'PUBLIC_TO_EVERYONE',
        claimed_at: new Date(at),
      })
      .execute()
    await approveSlots(db, organizationId, planId)
    const jobId = jobIdOf(slotId)
    const facts = { at, key: `${jobId}/1`, epoch: null }
    const checkpoint = initialCheckpoint(jobMachine, { slotId, accountId, publishAt }, facts)
    await insertInstance(db, {
      id: jobId,
      slotId,
      organizationId,
      accountId,
      checkpoint,
      wakeAt: wakeAtOf(checkpoint, at),
    })
    const payload = { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null }
    await appendEvent(db, { organizationId, type: 'job.transitioned', jobId, jobRevision: 1, payload })
    return jobId
  }

  /** Pretends that the job's step has failed this many times, since each attempt takes long. */
  const setAttempts = (jobId: string, attempts: number) =>
    database.owner.pool.query(
      `update reelpilot.machine_instance set context = jsonb_set(context, '{attempts}', $2::text::jsonb) where id = $1`,
      [jobId, String(attempts)],
    )

  return { database, clock, deps, organizationId, openWorker, setAttempts }
}

/** The job's failure is the operator's to mend, ends nothing, and shows neither a path nor a stack. */
export async function expectOperatorFailure(job: DrivenJob, code: string): Promise<void> {
  const { failure, ending } = await job.context()
  expect(failure).toMatchObject({ verdict: 'NEEDS_OPERATOR', code })
  expect(ending).toBeNull()
  expect(failure?.message).not.toMatch(/\/|\n/)
  expect(failure && nextStepFor(failure)).toContain('operator')
}
