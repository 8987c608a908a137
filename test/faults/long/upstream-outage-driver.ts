import { createInterface } from 'node:readline'
import { createWithBreaker } from '../../../src/circuit-breaker/with-breaker.ts'
import { accountMachine, jobMachine } from '../../../src/definitions/machines.ts'
import { type DriveEnd, drive, type Runtime } from '../../../src/durable/drive.ts'
import { createDatabaseClock } from '../../../src/durable/instance-store.ts'
import { LeaseKeeper } from '../../../src/durable/lease-keeper.ts'
import { catalogueOf } from '../../../src/durable/machine.ts'
import { createFfmpegFinder } from '../../../src/providers/media/modern-ffmpeg.ts'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { createTikTokClient } from '../../../src/providers/tiktok/client.ts'
import type { VideoProvider } from '../../../src/providers/video/provider.ts'
import { createBoss } from '../../../src/queue/boss.ts'
import { createInstanceStore } from '../../../src/queue/instance-store.ts'
import { createPostgresLimiter } from '../../../src/rate-limit/postgres/postgres-limiter.ts'
import { Secret } from '../../../src/secret.ts'
import { createSteps } from '../../../src/steps/catalogue.ts'
import { connect } from '../../../src/store/database.ts'
import { createBreakerGuard } from '../../../src/tiktok-policy/breaker-guard.ts'
import { composeGuards } from '../../../src/tiktok-policy/guarded-client.ts'
import { createLimitSettingsCache } from '../../../src/tiktok-policy/limit-settings.ts'
import { createRateLimitGuard } from '../../../src/tiktok-policy/rate-limit-guard.ts'
import { createEncryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'

export interface DriverSettings {
  readonly databaseUrl: string
  readonly mediaDirectory: string
  readonly secretKey: string
  readonly tiktok: { readonly apiBase: string; readonly clientKey: string; readonly clientSecret: string }
  /** The number of jobs that it drives concurrently. */
  readonly atOnce: number
}

/** Jobs to drive until they wait, or until they reach the state `until` and are released. */
export interface DriverOrder {
  readonly ids: readonly string[]
  readonly until?: string
}

/** A line of output: `ends` is the end of each drive. */
export type DriverWord =
  | { readonly kind: 'ready' }
  | { readonly kind: 'driven'; readonly ends: readonly DriveEnd[] }

/** A worker without the queue, which would wait in real time. It drives the jobs of each order that it receives. */
const settings: DriverSettings = JSON.parse(process.argv[2] ?? '')
const role = 'reelpilot_runtime'
const onError = () => undefined // The test detects errors by the state of the jobs.
const { db } = connect(settings.databaseUrl, role, { max: 10, name: 'driver', onError })
const boss = createBoss({ url: settings.databaseUrl, role, name: 'driver queue', supervises: false, onError })
await boss.start()

const clock = createDatabaseClock()
const owner = `driver ${process.pid}`
const instanceStore = createInstanceStore({ db, boss, clock, owner, onCommitted: () => undefined })
const keeper = new LeaseKeeper(instanceStore, 2_500, onError)
const machines = catalogueOf([jobMachine, accountMachine])
const { clientSecret, ...app } = settings.tiktok
const ring = keyRingOf([Buffer.from(settings.secretKey, 'base64')])
const steps = createSteps({
  boss,
  machines,
  db,
  storage: await createDiskStorage({ directory: settings.mediaDirectory }),
  videos: {} as VideoProvider, // Not called while publishing: all clips are rendered.
  withBreaker: createWithBreaker({ db }),
  tiktok: createTikTokClient({
    ...app,
    clientSecret: new Secret(clientSecret),
    guard: composeGuards(
      createBreakerGuard({ db }),
      createRateLimitGuard({
        limiter: createPostgresLimiter({ db, role }),
        settings: createLimitSettingsCache(db),
      }),
    ),
  }),
  encryptor: createEncryptor(() => ring),
  // The gap would slow down the recovery that the test measures.
  latePostGapMs: 0,
  mediaFfmpeg: createFfmpegFinder(undefined),
  workDirectory: '',
})

async function driveOne(id: string, until: string | undefined): Promise<DriveEnd> {
  const draining = new AbortController()
  const onBoundary: Runtime['onBoundary'] = (boundary, checkpoint) => {
    if (boundary === 'afterCommit' && checkpoint.state === until) draining.abort()
  }
  return await drive(
    { instanceStore, keeper, machines, steps, clock, draining: draining.signal, onBoundary },
    id,
  )
}

async function perform({ ids, until }: DriverOrder): Promise<readonly DriveEnd[]> {
  const left = [...ids]
  const ends: DriveEnd[] = []
  const lane = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) ends.push(await driveOne(id, until))
  }
  await Promise.all(Array.from({ length: settings.atOnce }, lane))
  return ends
}

const send = (word: DriverWord) => process.stdout.write(`${JSON.stringify(word)}\n`)
createInterface({ input: process.stdin }).on('line', (line) => {
  void perform(JSON.parse(line)).then((ends) => send({ kind: 'driven', ends }))
})
send({ kind: 'ready' })
