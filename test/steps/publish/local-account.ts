import { randomBytes } from 'node:crypto'
import { expect, onTestFinished } from 'vitest'
import { createWithBreaker } from '../../../src/circuit-breaker/with-breaker.ts'
import { connectAccount } from '../../../src/commands/account/connect-account.ts'
import { readConfig } from '../../../src/config.ts'
import { createDatabaseClock } from '../../../src/durable/instance-store.ts'
import { LeaseKeeper } from '../../../src/durable/lease-keeper.ts'
import { createAuthorizationStarter } from '../../../src/inbound/authorization.ts'
import { type ConnectionOutcome, finishConnecting } from '../../../src/inbound/finish-connecting.ts'
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
import { type RehearsedJob, rehearse } from '../../support/rehearsed-job.ts'
import type { Harness } from './harness.ts'
import { insertStoredJob, type JobOptions } from './stored-job.ts'
import type { VirtualClock } from './virtual-clock.ts'
import { openWebhookEndpoint } from './webhook-endpoint.ts'

export interface LocalAccountOptions {
  readonly simulatorSettings?: Partial<SimulatorSettings>
  readonly creator?: Omit<NewAccount, 'username'>
  /** Whether TikTok tells us its news, and whether they are taken in as they come. Untold unless told. */
  readonly webhooks?: 'untold' | 'kept' | 'heard'
}

/** As it is unless it is set. */
export const latePostGapMs = readConfig({}, false).latePostGapMinutes * 60_000

/** A TikTok of a test's own, on which one creator has connected us. */
export interface LocalAccount {
  readonly local: LocalTikTok
  readonly client: TikTokClient
  readonly accountId: string
  readonly username: string
  /** Every request that was sent to TikTok, in order: `video/init`, or of a chunk `PUT` and its range. */
  readonly requests: readonly string[]
  start(wish?: JobOptions): Promise<RehearsedJob>
  pass(seconds: number): Promise<void>
  /** Tells what TikTok told before, signed by it anew; throws if that is not taken. */
  tell(body: string): Promise<void>
  /** The creator goes the way to the authorize page and back. */
  connectAgain(): Promise<ConnectionOutcome>
}

export async function openLocalAccount(
  stage: Omit<Harness, 'start'>,
  { simulatorSettings = {}, creator = {}, webhooks = 'untold' }: LocalAccountOptions,
): Promise<LocalAccount> {
  const { database, clock, deps, encryptor, organizationId } = stage
  const { db } = database.runtime
  const { local, pass } = await startTikTok(clock, simulatorSettings)
  const { client, requests } = createClient(local, db)
  const username = `creator${randomBytes(4).toString('hex')}`
  const accountId = await connectLocalAccount(db, local, encryptor, { organizationId, username, ...creator })
  const door = await openWebhookEndpoint(stage, local.app)
  if (webhooks !== 'untold') local.changeApp({ webhookUrl: door.url })

  const runtime = createRuntime(stage, client)
  const machinery = {
    db,
    deps,
    runtime,
    local,
    now: clock.now,
    advanceClock: pass,
    receivesWebhooks: webhooks === 'heard',
  }
  const jobs: RehearsedJob[] = []
  onTestFinished(() => expectNothingTwice(local, jobs))
  return {
    local,
    client,
    accountId,
    username,
    requests,
    async start(wish = {}) {
      const jobId = await insertStoredJob(stage, accountId, wish)
      const job = rehearse(machinery, { jobId, organizationId, accountId })
      jobs.push(job)
      return job
    },
    pass: (seconds) => pass(seconds * 1_000),
    tell: door.tell,
    connectAgain: () => connectAgain(stage, client, { accountId, username }),
  }
}

/** A TikTok whose clock goes with the database's. */
async function startTikTok(clock: VirtualClock, simulatorSettings: Partial<SimulatorSettings>) {
  // Unless a test is about waiting, a post is public at the first look.
  const fast = { checkMedia: true, processingMs: 0, moderationMs: 0 }
  const local = await startLocalTikTok({ persist: false, settings: { ...fast, ...simulatorSettings } })
  onTestFinished(() => local.stop())
  const follow = (milliseconds: number) => {
    local.advance(milliseconds / 1_000)
    // Webhooks are dated by the machine's clock, and their age is judged by the database's.
    local.changeSettings({ webhookClockSkewSeconds: Math.round(clock.offsetMs() / 1_000) })
  }
  follow(clock.offsetMs())
  const pass = async (milliseconds: number) => {
    const before = clock.offsetMs()
    await clock.advance(milliseconds)
    follow(clock.offsetMs() - before)
  }
  return { local, pass }
}

/** A client that keeps the limits, and notes what it sends. */
function createClient(local: LocalTikTok, db: Db) {
  const requests: string[] = []
  const client = createTikTokClient({
    apiBase: local.url,
    authorizeBase: local.url,
    clientKey: local.app.clientKey,
    clientSecret: new Secret(local.app.clientSecret),
    guard: createRateLimitGuard({
      limiter: createPostgresLimiter({ db, role: 'reelpilot_runtime' }),
      settings: createLimitSettingsCache(db),
    }),
    deadlineMs: 5_000,
    fetch(request, init) {
      if (request instanceof Request) requests.push(nameOf(request))
      return fetch(request, init)
    },
  })
  return { client, requests }
}

function nameOf(request: Request): string {
  const range = /^bytes (\d+-\d+)\//.exec(request.headers.get('content-range') ?? '')?.[1]
  if (range !== undefined) return `PUT ${range}`
  return new URL(request.url).pathname.replace(/^\/v2\/(post\/publish\/)?|\/$/g, '')
}

function createRuntime({ database, deps, storage, encryptor }: Omit<Harness, 'start'>, tiktok: TikTokClient) {
  const { db } = database.runtime
  // Publishing asks it for nothing: all clips are made.
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
  const steps = createSteps({ ...deps, ...upstreams, db, encryptor, latePostGapMs, workDirectory: '' })
  return { instanceStore, keeper, machines: deps.machines, steps, clock }
}

/** What a creator does in the browser, and what comes of it here. */
async function connectAgain(
  { database, deps, encryptor, organizationId }: Omit<Harness, 'start'>,
  tiktok: TikTokClient,
  { accountId, username }: { readonly accountId: string; readonly username: string },
): Promise<ConnectionOutcome> {
  const { db } = database.runtime
  const publicUrl = 'http://127.0.0.1:4000'
  const authorization = createAuthorizationStarter({ tiktok, encryptor, publicUrl: () => publicUrl })
  const begun = await db
    .transaction()
    .execute((tx) => connectAccount(tx, deps, authorization, { organizationId, accountId, scopes: null }))
  if (begun.kind !== 'done') throw new Error(begun.kind)
  const consent = `${begun.authorizeUrl}&auto=1&local_account=${username}`
  const back = (await fetch(consent, { redirect: 'manual' })).headers.get('location') ?? ''
  const hints = { send: () => undefined }
  return await finishConnecting({ ...deps, db, tiktok, encryptor, hints }, new URL(back))
}

/** What holds however a test ends: a post for each slot at most, no token shown twice, none where it has no business. */
function expectNothingTwice(local: LocalTikTok, jobs: readonly RehearsedJob[]): void {
  const whole = local.posts().filter(({ status, bytes, size }) => status !== 'FAILED' && bytes === size)
  expect(whole.length).toBeLessThanOrEqual(jobs.length)
  expect(local.counters()).toMatchObject({ refreshReuse: 0, authorizationOnUpload: 0, redirectsFollowed: 0 })
}
