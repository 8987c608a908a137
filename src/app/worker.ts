import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { CommandDeps } from '../commands/command-deps.ts'
import { deadLetterJob } from '../commands/job/dead-letter-job.ts'
import { deleteOldVideos } from '../commands/media/delete-old-videos.ts'
import { resolveOutdatedSlots } from '../commands/plan/resolve-slots.ts'
import { listScannable, scanInChunks } from '../commands/plan/scan.ts'
import { bundledTimeZones, type TimeZoneData } from '../commands/plan/wall-time.ts'
import { handleWebhook } from '../commands/webhook/handle-webhook.ts'
import { redriveDeliveries } from '../commands/webhook/store-webhook.ts'
import type { Runtime } from '../durable/drive.ts'
import { createDatabaseClock } from '../durable/instance-store.ts'
import { LeaseKeeper } from '../durable/lease-keeper.ts'
import type { MachineCatalogue } from '../durable/machine.ts'
import type { StepCatalogue } from '../durable/step.ts'
import type { Logger } from '../logger.ts'
import { createBoss, throttleWarnings } from '../queue/boss.ts'
import { workDeadDeliveries, workDeadWakeUps } from '../queue/dead-letters.ts'
import { createInstanceStore } from '../queue/instance-store.ts'
import { listenForWork } from '../queue/listen-for-work.ts'
import { queues } from '../queue/queue-settings.ts'
import { type QueuedScan, queueScans, workScans } from '../queue/scan.ts'
import { startWakeWorker } from '../queue/wake-worker.ts'

import { workDeliveries } from '../queue/webhooks.ts'
import type { Connection } from '../store/database.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import type { ScanReason } from '../store/plan/tables.ts'
import { defaultRetention, prune, type Retention } from '../store/prune.ts'
import { runCommand } from '../store/run-command.ts'
import { markFailed } from '../store/webhook/deliveries.ts'

export interface WorkerRoleOptions {
  readonly databaseUrl: string
  readonly runtime: Connection
  readonly machines: MachineCatalogue
  /** Creates the steps once the queue, which they send wake-ups to, is running. */
  readonly steps: (deps: CommandDeps) => StepCatalogue
  readonly concurrency: number
  /** Default: `defaultRetention`. */
  readonly retention?: Retention
  /** Called once an hour to remove unused media files. */
  readonly sweepMedia?: () => Promise<unknown>
  readonly log: Logger
  readonly onBoundary?: Runtime['onBoundary']
  /** Default: the time zone data of this Node. */
  readonly zones?: TimeZoneData
}

/** How long running steps may continue after a shutdown before they are aborted. */
const drainMs = 20_000

/** Starts the worker role: it drives jobs, scans for due slots and sweeps. `stop` drains; an aborted step is resumed elsewhere. */
export async function startWorkerRole(options: WorkerRoleOptions): Promise<{ stop(): Promise<void> }> {
  const { databaseUrl, runtime: connection, machines, concurrency, log } = options
  const { zones = bundledTimeZones, retention = defaultRetention } = options
  const queueLog = log.child({ component: 'queue' })
  const workerLog = log.child({ component: 'worker' })
  const scanLog = log.child({ component: 'scan' })
  const webhookLog = log.child({ component: 'webhooks' })
  const onError = (error: unknown) => queueLog.warn({ err: error }, 'queue operation failed')
  const boss = createBoss({
    url: databaseUrl,
    role: 'reelpilot_runtime',
    name: 'reelpilot worker queue',
    supervises: true,
    onError,
    onWarning: throttleWarnings((warning, seen) => queueLog.warn({ ...warning, seen }, 'queue warning')),
  })
  await boss.start()
  const deps: CommandDeps = { boss, machines }
  const { db } = connection
  const notifications = createChangeNotifier(connection)
  const clock = createDatabaseClock()
  const instanceStore = createInstanceStore({
    db,
    boss,
    clock,
    owner: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
    onCommitted: (transitions) =>
      notifications.send({
        organizations: transitions.map((transition) => transition.organizationId),
        jobs: transitions.map((transition) => transition.jobId),
      }),
  })
  const keeper = new LeaseKeeper(instanceStore, 2_500, (error) =>
    workerLog.warn({ err: error }, 'leases not renewed'),
  )
  const draining = new AbortController()
  const runtime = {
    instanceStore,
    keeper,
    machines,
    steps: options.steps(deps),
    clock,
    draining: draining.signal,
    ...(options.onBoundary && { onBoundary: options.onBoundary }),
  }
  const listener = await listenForWork(databaseUrl, {
    boss,
    keeper,
    onError: (error) => log.child({ component: 'notifications' }).warn({ err: error }, 'connection lost'),
  })

  const scanOne = async ({ organizationId, reason }: QueuedScan) => {
    const { startedJobs } = await scanInChunks(db, deps, notifications, { organizationId, reason })
    if (startedJobs > 0) scanLog.info({ organizationId, reason, started: startedJobs }, 'jobs started')
  }
  /** Runs before every scan and before the first job is driven, because due times depend on it. */
  const resolveSlots = async () => {
    const { rescheduled } = await resolveOutdatedSlots(db, deps, notifications, zones)
    if (rescheduled > 0)
      scanLog.warn({ rescheduled, tzdata: zones.version }, 'new time zone data moved slots')
  }
  const scanAll = async (reason: ScanReason) => {
    await queueScans(boss, await listScannable(db), reason)
  }
  await workScans(boss, {
    scanOne,
    scanAll: async () => {
      await resolveSlots()
      await scanAll('hourly')
      await prune(db, retention)
      if (retention.mediaDays !== null) {
        const deleted = await deleteOldVideos(db, deps, notifications, retention.mediaDays)
        if (deleted > 0) workerLog.info({ deleted, days: retention.mediaDays }, 'old videos deleted')
      }
      await options.sweepMedia?.()
      const redriven = await runCommand(db, notifications, (tx) => redriveDeliveries(tx, deps))
      if (redriven > 0) webhookLog.info({ redriven }, 'failed deliveries redriven')
    },
  })
  await workDeliveries(boss, async (key) => {
    const { outcome } = await runCommand(db, notifications, (tx) => handleWebhook(tx, deps, key))
    webhookLog.debug({ outcome }, 'webhook handled')
  })
  await workDeadWakeUps(boss, async (jobId, deadLetter) => {
    const result = await runCommand(db, notifications, (tx) => deadLetterJob(tx, deps, jobId, deadLetter))
    if (result.kind === 'moot') return
    const { isTransitioned } = result
    queueLog.error(
      { jobId, isTransitioned, attempts: deadLetter.attempts, ...deadLetter.cause },
      'job dead-lettered',
    )
  })
  await workDeadDeliveries(boss, async (key, { cause, attempts }) => {
    await markFailed(db, key, `${cause.code}: ${cause.message}`)
    webhookLog.error({ key, attempts, ...cause }, 'webhook delivery dead-lettered')
  })
  await resolveSlots()
  const worker = await startWakeWorker({
    boss,
    db,
    runtime,
    concurrency,
    notify: () => notifications.send({ organizations: [], jobs: [], queues: [queues.wake] }),
    onError: (error, jobId) =>
      workerLog.error({ err: error, jobId }, 'job released after an error; it will be leased again'),
    onSwept: (jobIds) => workerLog.warn({ jobIds }, 'the sweep woke jobs that had no wake-up'),
  })
  await scanAll('boot')

  return {
    async stop() {
      draining.abort()
      const abandon = setTimeout(() => keeper.abortAll(new Error('the process is shutting down')), drainMs)
      await worker.stop(drainMs + 5_000)
      await boss.stop({ graceful: true, timeout: 5_000 })
      clearTimeout(abandon)
      keeper.stop()
      await listener.close()
      await notifications.close()
    },
  }
}
