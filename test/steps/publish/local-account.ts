import { randomBytes } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import { createWithBreaker } from '../../../src/circuit-breaker/with-breaker.ts'
import { connectAccount } from '../../../src/commands/account/connect-account.ts'
import { readConfig } from '../../../src/config.ts'
import { createDatabaseClock } from '../../../src/durable/instance-store.ts'
import { LeaseKeeper } from '../../../src/durable/lease-keeper.ts'
import { createAuthorizationStarter } from '../../../src/inbound/authorization.ts'
import { type ConnectionOutcome, finishConnecting } from '../../../src/inbound/finish-connecting.ts'
import { createFfmpegFinder } from '../../../src/providers/media/modern-ffmpeg.ts'
import { createTikTokClient, type TikTokClient } from '../../../src/providers/tiktok/client.ts'
import type { VideoProvider } from '../../../src/providers/video/provider.ts'
import { createInstanceStore } from '../../../src/queue/instance-store.ts'
import { createPostgresLimiter } from '../../../src/rate-limit/postgres/postgres-limiter.ts'
import { connectLocalAccount } from '../../../src/rehearsal/local-account.ts'
import { Secret } from '../../../src/secret.ts'
import type { NewAccount } from '../../../src/simulator/account.ts'
import { startLocalTikTok } from '../../../src/simulator/local-tiktok.ts'
import type { SimulatorSettings } from '../../../src/simulator/settings.ts'
import type { LocalTikTok } from '../../../src/simulator/simulator.ts'
import { createSteps } from '../../../src/steps/catalogue.ts'
import type { Db } from '../../../src/store/database.ts'
import { createLimitSettingsCache } from '../../../src/tiktok-policy/limit-settings.ts'
import { createRateLimitGuard } from '../../../src/tiktok-policy/rate-limit-guard.ts'
import { type DrivenJob, driveJob } from '../../support/driven-job.ts'
import type { Harness } from './harness.ts'
import { insertStoredJob, type JobOptions } from './stored-job.ts'
import type { VirtualClock } from './virtual-clock.ts'
import { openWebhookEndpoint } from './webhook-endpoint.ts'

export interface LocalAccountOptions {
  readonly simulatorSettings?: Partial<SimulatorSettings>
  readonly creator?: Omit<NewAccount, 'username'>
  /** Whether webhooks are delivered, and whether jobs handle them as they arrive. Default: not delivered. */
  readonly webhooks?: 'off' | 'stored' | 'handled'
}

/** The default of the setting. */
export const latePostGapMs = readConfig({}, false).latePostGapMinutes * 60_000

/** A local TikTok of one test, with one connected account. */
export interface LocalAccount {
  readonly tiktok: LocalTikTok
  readonly client: TikTokClient
  readonly accountId: string
  readonly username: string
  /** Every request to TikTok in order: its path such as `video/init`, or for a chunk `PUT` and its range. */
  readonly requests: readonly string[]
  /** The content types of the chunks that were sent. */
  readonly contentTypes: ReadonlySet<string>
  start(options?: JobOptions): Promise<DrivenJob>
  /** Advances the clocks of the database and of TikTok. */
  advanceClock(seconds: number): Promise<void>
  /** Delivers a webhook's body again with a new signature; throws if it is not accepted. */
  deliverWebhook(body: string): Promise<void>
  /** The creator grants access again on the authorize page. */
  reconnect(): Promise<ConnectionOutcome>
}

export async function openLocalAccount(
  harness: Omit<Harness, 'start'>,
  { simulatorSettings = {}, creator = {}, webhooks = 'off' }: LocalAccountOptions,
): Promise<LocalAccount> {
  const { database, clock, deps, encryptor, organizationId } = harness
  const { db } = database.runtime
  const { tiktok, advance } = await startTikTok(clock, simulatorSettings)
  const { client, requests, contentTypes } = createClient(tiktok, db)
  const username = `creator${randomBytes(4).toString('hex')}`
  const accountId = await connectLocalAccount(db, tiktok, encryptor, { organizationId, username, ...creator })
  const endpoint = await openWebhookEndpoint(harness, tiktok.app)
  if (webhooks !== 'off') tiktok.changeApp({ webhookUrl: endpoint.url })

  const runtime = createRuntime(harness, client)
  const parts = {
    db,
    deps,
    runtime,
    tiktok,
    now: clock.now,
    advanceClock: advance,
    receivesWebhooks: webhooks === 'handled',
  }
  const jobs: DrivenJob[] = []
  onTestFinished(() => expectNoDuplicates(tiktok, jobs))
  return {
    tiktok,
    client,
    accountId,
    username,
    requests,
    contentTypes,
    async start(options = {}) {
      const jobId = await insertStoredJob(harness, accountId, options)
      const job = driveJob(parts, { jobId, organizationId, accountId })
      jobs.push(job)
      return job
    },
    advanceClock: (seconds) => advance(seconds * 1_000),
    deliverWebhook: endpoint.deliver,
    reconnect: () => reconnect(harness, client, { accountId, username }),
  }
}

/** Starts a local TikTok whose clock follows the database's. */
async function startTikTok(clock: VirtualClock, simulatorSettings: Partial<SimulatorSettings>) {
  // Default: a post is public at the first poll.
  const fast = { checkMedia: true, processingMs: 0, moderationMs: 0 }
  const tiktok = await startLocalTikTok({ persist: false, settings: { ...fast, ...simulatorSettings } })
  onTestFinished(() => tiktok.stop())
  const follow = (milliseconds: number) => {
    tiktok.advance(milliseconds / 1_000)
    // TikTok dates webhooks by the machine's clock, and the route checks their age by the database's.
    tiktok.changeSettings({ webhookClockSkewSeconds: Math.round(clock.offsetMs() / 1_000) })
  }
  follow(clock.offsetMs())
  const advance = async (milliseconds: number) => {
    const before = clock.offsetMs()
    await clock.advance(milliseconds)
    follow(clock.offsetMs() - before)
  }
  return { tiktok, advance }
}

/** A client with rate limits that records its requests. */
function createClient(tiktok: LocalTikTok, db: Db) {
  const requests: string[] = []
  const contentTypes = new Set<string>()
  const client = createTikTokClient({
    apiBase: tiktok.url,
    authorizeBase: tiktok.url,
    clientKey: tiktok.app.clientKey,
    clientSecret: new Secret(tiktok.app.clientSecret),
    guard: createRateLimitGuard({
      limiter: createPostgresLimiter({ db, role: 'reelpilot_runtime' }),
      settings: createLimitSettingsCache(db),
    }),
    deadlineMs: 5_000,
    fetch(request, init) {
      if (request instanceof Request) {
        requests.push(nameOf(request))
        if (request.method === 'PUT') contentTypes.add(request.headers.get('content-type') ?? '')
      }
      return fetch(request, init)
    },
  })
  return { client, requests, contentTypes }
}

function nameOf(request: Request): string {
  const range = /^bytes (\d+-\d+)\//.exec(request.headers.get('content-range') ?? '')?.[1]
  if (range !== undefined) return `PUT ${range}`
  return new URL(request.url).pathname.replace(/^\/v2\/(post\/publish\/)?|\/$/g, '')
}

function createRuntime({ database, deps, storage, encryptor }: Omit<Harness, 'start'>, tiktok: TikTokClient) {
  const { db } = database.runtime
  // Not called while publishing: all clips are rendered.
  const videos = {} as VideoProvider
  const clock = createDatabaseClock()
  const instanceStore = createInstanceStore({
    db,
    boss: deps.boss,
    clock,
    owner: 'test',
    onCommitted: () => undefined,
  })
  const keeper = new LeaseKeeper(instanceStore, 2_500, (error) => console.error(error))
  onTestFinished(() => keeper.stop())
  const withBreaker = createWithBreaker({ db })
  const upstreams = { storage, videos, withBreaker, tiktok }
  const steps = createSteps({
    ...deps,
    ...upstreams,
    db,
    encryptor,
    latePostGapMs,
    mediaFfmpeg: createFfmpegFinder(undefined),
    workDirectory: '',
  })
  return { instanceStore, keeper, machines: deps.machines, steps, clock }
}

/** Grants access in the browser and finishes the authorization. */
async function reconnect(
  { database, deps, encryptor, organizationId }: Omit<Harness, 'start'>,
  tiktok: TikTokClient,
  { accountId, username }: { readonly accountId: string; readonly username: string },
): Promise<ConnectionOutcome> {
  const { db } = database.runtime
  const publicUrl = 'http://127.0.0.1:4000'
  const authorization = createAuthorizationStarter({ tiktok, encryptor, publicUrl: () => publicUrl })
  const started = await db
    .transaction()
    .execute((tx) => connectAccount(tx, deps, authorization, { organizationId, accountId, scopes: null }))
  if (started.kind !== 'done') throw new Error(started.kind)
  const consent = `${started.authorizeUrl}&auto=1&local_account=${username}`
  const redirect = (await fetch(consent, { redirect: 'manual' })).headers.get('location') ?? ''
  const notifications = { send: () => undefined }
  return await finishConnecting({ ...deps, db, tiktok, encryptor, notifications }, new URL(redirect))
}

/** Invariants at the end of every test: at most one post per slot, no refresh token reused, no token sent to a wrong host. */
function expectNoDuplicates(tiktok: LocalTikTok, jobs: readonly DrivenJob[]): void {
  const complete = tiktok.posts().filter(({ status, bytes, size }) => status !== 'FAILED' && bytes === size)
  expect(complete.length).toBeLessThanOrEqual(jobs.length)
  expect(tiktok.counters()).toMatchObject({ refreshReuse: 0, authorizationOnUpload: 0, redirectsFollowed: 0 })
}
