import { writeSync } from 'node:fs'
import path from 'node:path'
import { startWorkerRole } from '../../src/app/worker.ts'
import { accountMachine, jobMachine } from '../../src/definitions/machines.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { createLogger } from '../../src/logger.ts'
import { createFfmpegFinder } from '../../src/providers/media/modern-ffmpeg.ts'
import { createDiskStorage } from '../../src/providers/storage/disk-storage.ts'
import { createLocalProvider } from '../../src/providers/video/local/local-provider.ts'
import { startLimiter } from '../../src/rate-limit/start-limiter.ts'
import { Secret } from '../../src/secret.ts'
import { createSteps } from '../../src/steps/catalogue.ts'
import { connect } from '../../src/store/database.ts'
import { openGuardedClients } from '../../src/tiktok-policy/guarded-client.ts'
import { createEncryptor } from '../../src/vault/encryptor.ts'
import { keyRingOf } from '../../src/vault/key-ring.ts'

export interface WorkerSettings {
  readonly databaseUrl: string
  readonly directory: string
  readonly secretKey: string
  readonly redisUrl?: string
  readonly tiktok: { readonly apiBase: string; readonly clientKey: string; readonly clientSecret: string }
  /** The points at which this process sends itself SIGKILL: `boundary state slotId`, or for an account its id. */
  readonly kills: readonly string[]
  readonly logLevel?: string
}

/** The production worker role, except that it kills itself at the given points. */
const settings: WorkerSettings = JSON.parse(process.argv[2] ?? '')
const kills = new Set(settings.kills)
const log = createLogger(settings.logLevel ?? 'error', false)
const runtime = connect(settings.databaseUrl, 'reelpilot_runtime', {
  max: 10,
  name: 'test worker',
  onError: (error) => log.warn({ err: error }),
})
const storage = await createDiskStorage({ directory: path.join(settings.directory, 'media') })
const videos = createLocalProvider({ directory: path.join(settings.directory, 'renders'), concurrency: 1 })
const { clientSecret, ...app } = settings.tiktok
const ring = keyRingOf([Buffer.from(settings.secretKey, 'base64')])
const limiter = await startLimiter({
  db: runtime.db,
  role: 'reelpilot_runtime',
  ...(settings.redisUrl && { redisUrl: new Secret(settings.redisUrl) }),
  onError: (error) => log.warn({ err: error }),
})
const { tiktok, withBreaker } = await openGuardedClients({
  db: runtime.db,
  limiter,
  app: { ...app, clientSecret: new Secret(clientSecret) },
  notifications: { send: () => undefined },
  log,
})
const stepDeps = {
  db: runtime.db,
  storage,
  videos,
  withBreaker,
  tiktok,
  encryptor: createEncryptor(() => ring),
  // Real time passes here, and on a busy machine posts are late.
  latePostGapMs: 0,
  mediaFfmpeg: createFfmpegFinder(undefined),
  workDirectory: path.join(settings.directory, 'work'),
}
const worker = await startWorkerRole({
  databaseUrl: settings.databaseUrl,
  runtime,
  machines: catalogueOf([jobMachine, accountMachine]),
  steps: (deps) => createSteps({ ...stepDeps, ...deps }),
  concurrency: 10,
  log,
  onBoundary: (boundary, checkpoint) => {
    const { slotId, accountId } = checkpoint.context
    const point = `${boundary} ${checkpoint.state} ${slotId ?? accountId}`
    if (!kills.has(point)) return
    // Synchronous, so that it is written before the kill.
    writeSync(1, `killed at ${point}\n`)
    process.kill(process.pid, 'SIGKILL')
  },
})
process.on('SIGTERM', () => {
  worker
    .stop()
    .then(() => videos.close())
    .then(() => limiter.stop())
    .then(() => runtime.close())
    .then(() => process.exit(0))
})
