import path from 'node:path'
import { registerBreakers } from '../circuit-breaker/breaker.ts'
import type { Config } from '../config.ts'
import {
  accountMachine,
  breakerMachine,
  jobMachine,
  mediaMachine,
  planMachine,
} from '../definitions/machines.ts'
import { catalogueOf } from '../durable/machine.ts'
import type { Logger } from '../logger.ts'
import { createFfmpegFinder } from '../providers/media/modern-ffmpeg.ts'
import { startLimiter } from '../rate-limit/start-limiter.ts'
import { announceRehearsal } from '../rehearsal/announce.ts'
import { startProgressDisplay } from '../rehearsal/progress-display.ts'
import { registerApp, startRehearsalTikTok } from '../rehearsal/rehearsal-tiktok.ts'
import { seedRehearsal } from '../rehearsal/seed.ts'
import { Secret } from '../secret.ts'
import { createSteps } from '../steps/catalogue.ts'
import { breakerKeyOf } from '../steps/video/call-provider.ts'
import { sweepMedia } from '../steps/video/sweep-media.ts'
import { checkConnection } from '../store/check-connection.ts'
import { type Connection, connect } from '../store/database.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import { asUnavailable } from '../store/unavailable.ts'
import { logOutagesOnce } from '../telemetry/outage-log.ts'
import type { Terminal } from '../telemetry/terminal.ts'
import { openGuardedClients } from '../tiktok-policy/guarded-client.ts'
import { createEncryptor } from '../vault/encryptor.ts'
import { createSigner } from '../vault/signer.ts'
import { openDataDirectory } from './data-directory.ts'
import { migrateDatabase, openDatabase } from './database.ts'
import { createHostChecks, refuseWithoutFfmpeg } from './host-checks.ts'
import { createKeyCheck, openRequiredKeys } from './keys.ts'
import { listen } from './listener.ts'
import { logSteps } from './log-steps.ts'
import { openRenderer } from './open-renderer.ts'
import { openStorage, refuseWrongBucket } from './open-storage.ts'
import { startWorkerRole } from './worker.ts'

export type Role = 'api' | 'worker'

export interface App {
  readonly address: string | null
  stop(): Promise<void>
}

/** Stops what was started, in reverse order. */
class Teardown {
  readonly #steps: (() => Promise<unknown>)[] = []
  add(step: () => Promise<unknown>): void {
    this.#steps.push(step)
  }
  async run(log: Logger): Promise<void> {
    for (const step of this.#steps.splice(0).reverse())
      await step().catch((error) => log.error({ err: error }, 'a part did not stop cleanly'))
  }
}

export interface StartOptions {
  readonly config: Config
  readonly roles: readonly Role[]
  readonly log: Logger
  readonly terminal: Terminal
  /** A start that it aborts is undone like one that fails. */
  readonly shutdown: AbortSignal
}

/** Builds every part from its arguments and starts the roles. A failed start leaves nothing running. */
export async function startApp(options: StartOptions): Promise<App> {
  const teardown = new Teardown()
  try {
    return await start(options, teardown)
  } catch (error) {
    await teardown.run(options.log)
    throw error
  }
}

async function start(
  { config, roles, log: plainLog, terminal, shutdown }: StartOptions,
  teardown: Teardown,
): Promise<App> {
  // Everything that can refuse the start comes before anything is written.
  const listener = roles.includes('api') ? await listen(config) : null
  if (listener) teardown.add(() => listener.close())
  if (roles.includes('worker')) await refuseWithoutFfmpeg(config)
  await openDataDirectory(config.dataDirectory)
  await refuseWrongBucket(config, (error) =>
    plainLog.child({ component: 'storage' }).warn({ err: error }, 'the object storage cannot be used now'),
  )
  const rehearsal = config.tiktok
    ? null
    : await startRehearsalTikTok({
        port: config.tiktokLocalPort,
        dataDirectory: config.dataDirectory,
        isRequired: roles.includes('api') && roles.includes('worker'),
      })
  if (rehearsal) teardown.add(() => rehearsal.stop())
  const database = await openDatabase(config, { print: terminal.print, shutdown })
  teardown.add(() => database.stop())
  shutdown.throwIfAborted()
  await migrateDatabase(database.url, plainLog)
  shutdown.throwIfAborted()

  const log = logOutagesOnce(plainLog, {
    name: 'database',
    isOutage: (error) => asUnavailable(error) !== null,
    probe: () => checkConnection(database.url),
  })
  const databaseLog = log.child({ component: 'database' })
  database.supervise?.({
    onRestart: () => databaseLog.warn('the bundled Postgres had ended and was restarted'),
    onGiveUp: (error) => {
      databaseLog.fatal({ err: error }, 'the bundled Postgres cannot be restarted: this process ends')
      process.exit(1)
    },
  })
  const open = (role: Parameters<typeof connect>[1], max: number): Connection => {
    const onError = (error: Error) => databaseLog.warn({ err: error }, 'connection lost')
    const connection = connect(database.url, role, { max, name: role.replace('_', ' '), onError })
    teardown.add(() => connection.close())
    return connection
  }
  const runtime = open('reelpilot_runtime', 10)
  const { ring } = await openRequiredKeys(config, runtime)
  const encryptor = createEncryptor(ring)
  const signer = createSigner(ring)
  const machines = catalogueOf([jobMachine, planMachine, accountMachine, mediaMachine, breakerMachine])
  const app = config.tiktok ?? rehearsal?.client
  if (!app) throw new Error('neither a TikTok app nor a rehearsal is configured')
  const clientSecret = new Secret(app.clientSecret)
  const notifications = createChangeNotifier(runtime)
  teardown.add(() => notifications.close())
  const limitLog = log.child({ component: 'limits' })
  const openLimiter = async (connection: Connection, role: 'reelpilot_api' | 'reelpilot_runtime') => {
    const limiter = await startLimiter({
      db: connection.db,
      role,
      ...(config.redisUrl && { redisUrl: new Secret(config.redisUrl) }),
      onError: (error) => limitLog.warn({ err: error }, 'the limit store is unavailable'),
    })
    teardown.add(() => limiter.stop())
    return limiter
  }
  const limiter = await openLimiter(runtime, 'reelpilot_runtime')
  const { tiktok, withBreaker, limitSettings } = await openGuardedClients({
    db: runtime.db,
    limiter,
    app: { ...app, clientSecret },
    notifications,
    log,
  })
  const storage = await openStorage(config, { db: runtime.db, withBreaker })
  const seeded = rehearsal?.local ? await seedRehearsal(runtime.db, rehearsal.local, encryptor) : null

  if (listener) {
    const { local } = rehearsal ?? {}
    // Loaded only for the API: GraphQL takes as long to load as everything that a worker needs.
    const { startApiRole } = await import('./api.ts')
    const connection = open('reelpilot_api', 10)
    const api = await startApiRole({
      config,
      databaseUrl: database.url,
      listener,
      api: connection,
      limiter: await openLimiter(connection, 'reelpilot_api'),
      limitSettings,
      runtime,
      machines,
      storage,
      signer,
      checkHost: createHostChecks(config.dataDirectory),
      keyCheck: createKeyCheck(ring, runtime),
      tiktok,
      app: { clientKey: app.clientKey, clientSecret },
      encryptor,
      log,
    })
    teardown.add(() => api.stop())
    if (local) registerApp(local, api)
  }
  const address = listener?.address ?? null
  if (rehearsal?.local)
    announceRehearsal(terminal.print, {
      tiktok: rehearsal.local.url,
      address,
      apiKey: seeded?.apiKey ?? null,
    })
  if (seeded) {
    const display = await startProgressDisplay({
      db: runtime.db,
      databaseUrl: database.url,
      organizationId: seeded.organizationId,
      locationOf: (sha256) => storage.locationOf(seeded.organizationId, sha256),
      terminal,
      onError: (error) =>
        log.child({ component: 'rehearsal' }).warn({ err: error }, 'transitions could not be read'),
    })
    teardown.add(() => display.close())
  }
  if (roles.includes('worker')) {
    const videos = await openRenderer(config, {
      db: runtime.db,
      storage,
      onError: (error) =>
        log.child({ component: 'renderer' }).warn({ err: error }, 'a clip was not shared; it is tried again'),
    })
    teardown.add(() => videos.close())
    await registerBreakers(runtime.db, [breakerKeyOf(videos)])
    const stepDeps = {
      db: runtime.db,
      storage,
      videos,
      withBreaker,
      tiktok,
      encryptor,
      latePostGapMs: config.latePostGapMinutes * 60_000,
      workDirectory: path.join(config.dataDirectory, 'work'),
      ...(config.ffmpegPath && { ffmpegPath: config.ffmpegPath }),
      mediaFfmpeg: createFfmpegFinder(config.ffmpegPath),
      report: logSteps(log),
    }
    const worker = await startWorkerRole({
      databaseUrl: database.url,
      runtime,
      machines,
      steps: (deps) => createSteps({ ...stepDeps, ...deps }),
      concurrency: config.workerConcurrency,
      retention: config.retention,
      sweepMedia: () =>
        sweepMedia(storage, runtime.db).catch((error) =>
          log.child({ component: 'worker' }).warn({ err: error }, 'media files were not swept'),
        ),
      log,
    })
    teardown.add(() => worker.stop())
  }
  return { address, stop: () => teardown.run(log) }
}
