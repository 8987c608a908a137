import { expect, it } from 'vitest'
import { authorizeAccount } from '../../../src/commands/account/authorize-account.ts'
import { sendJobEvent } from '../../../src/commands/send-event.ts'
import { jobMachine } from '../../../src/definitions/machines.ts'
import { contextOf } from '../../../src/durable/machine.ts'
import { Secret } from '../../../src/secret.ts'
import { listAccounts } from '../../../src/store/account/accounts.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'
import { expectEverySlotPostedOnce, jobsOf } from '../../support/expect-posts.ts'
import { expectWindowsKept } from '../../support/expect-windows.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, type WorkerFixture } from '../../support/worker-fixture.ts'
import { startWorkerPool } from '../../support/worker-pool.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const { db } = database.runtime

const jobs = inForm(18, 100)
const accounts = inForm(3, 10)
const workers = inForm(3, 4)
/** The organization's limits per minute, low enough to be reached. */
const limits = { uploads: 60, reads: 600 }
/** The interval at which one of the workers gets SIGKILL. */
const killEveryMs = inForm(8_000, 5_000)

const endpoints = ['token', 'creatorInfo', 'videoInit', 'upload', 'statusFetch', 'videoList'] as const
const rests: ReadonlySet<string> = new Set(['published', 'failed', 'needsPerson', 'waitingForAccount'])

it('each slot is posted once or has a failure, within all limits, despite lost answers, errors, expiring tokens and kills', async () => {
  const fixture = await createWorkerFixture(database, jobs, {
    slotsPerAccount: jobs / accounts,
    sameVideo: true,
    limits,
    simulatorSettings: { accessTtlSeconds: 20, dailyPostCap: null, rateLimits: true },
  })
  for (const [index, endpoint] of endpoints.entries()) {
    fixture.tiktok.injectFault({
      endpoint,
      effect: { kind: 'dropAfter' },
      probability: 0.05,
      seed: 100 + index,
    })
    fixture.tiktok.injectFault({
      endpoint,
      effect: { kind: 'status', status: 500 },
      probability: 0.05,
      seed: 200 + index,
    })
  }
  const crew = startWorkerPool(fixture.settings, { workers, killEveryMs })
  try {
    await untilAtRest(fixture, 900_000)
    await expectOnePostOrVerdict(fixture)
    await expectAccountsKept(fixture)
    expectWindowsKept(fixture.tiktok, limits)

    // Accounts with a lost token need their creators. Once these have connected them again, all jobs are published.
    fixture.tiktok.clearFaults()
    fixture.tiktok.changeSettings({ rateLimits: false })
    crew.stopKilling()
    await reconnectAll(fixture)
    await retryAll(fixture)
    await waitUntil(
      () => jobsOf(database, fixture),
      (all) => all.every((job) => job.state === 'published'),
      480_000,
      1_000,
    )
  } finally {
    await crew.stop()
  }
  await expectEverySlotPostedOnce(database, fixture)
  expect(fixture.tiktok.counters()).toMatchObject({ refreshReuse: 0, authorizationOnUpload: 0 })
  await fixture.close()
}, 1_800_000)

async function untilAtRest(fixture: WorkerFixture, timeoutMs: number): Promise<void> {
  await waitUntil(
    () => jobsOf(database, fixture),
    (all) => all.length === jobs && all.every((job) => rests.has(job.state)),
    timeoutMs,
    1_000,
  )
}

async function expectOnePostOrVerdict(fixture: WorkerFixture): Promise<void> {
  const posts = fixture.tiktok.posts().filter((post) => post.bytes === post.size && post.status !== 'FAILED')
  for (const job of await jobsOf(database, fixture)) {
    const own = posts.filter((post) => post.title === job.slot_id)
    const { failure, sentAt, outcomeUnknown } = contextOf(jobMachine, job)
    expect(own.length).toBeLessThanOrEqual(1)
    if (job.state === 'published') expect(own).toHaveLength(1)
    else expect(failure).toMatchObject({ verdict: expect.any(String), message: expect.any(String) })
    // A post at TikTok is recorded, or its outcome is marked unknown and reconciled first.
    if (own.length === 1 && job.state !== 'published') expect(sentAt !== null || outcomeUnknown).toBe(true)
  }
}

/** An account needs its creator only if the answer to its refresh was lost. */
async function expectAccountsKept(fixture: WorkerFixture): Promise<void> {
  expect(fixture.tiktok.counters().refreshReuse).toBe(0)
  for (const account of await accountsOf(fixture)) {
    if (account.state === 'connected' || account.state.startsWith('refreshing.')) continue
    expect(account).toMatchObject({
      state: 'needsReauthorization',
      context: { failure: { code: 'REFRESH_ANSWER_LOST' } },
    })
  }
}

function accountsOf(fixture: WorkerFixture) {
  return listAccounts(db, fixture.organizationId, { limit: 100, inverted: false })
}

/** Connects the accounts again, as the callback does. */
async function reconnectAll(fixture: WorkerFixture): Promise<void> {
  const { organizationId, encryptor } = fixture
  for (const { id, state, username, displayName } of await accountsOf(fixture)) {
    if (state !== 'needsReauthorization' || !username || !displayName) continue
    const grant = fixture.tiktok.grant(username)
    const creator = { openId: grant.open_id, username, displayName, scopes: grant.scope.split(',') }
    const associatedData = { organizationId, row: id }
    const tokens = {
      accessTokenSealed: encryptor.seal(new Secret(grant.access_token), {
        ...associatedData,
        column: 'access_token',
      }),
      refreshTokenSealed: encryptor.seal(new Secret(grant.refresh_token), {
        ...associatedData,
        column: 'refresh_token',
      }),
      expiresInSeconds: grant.expires_in,
      refreshExpiresInSeconds: grant.refresh_expires_in,
    }
    await db
      .transaction()
      .execute((tx) =>
        authorizeAccount(tx, deps, { organizationId, accountId: id, creator, seal: () => tokens }),
      )
  }
}

/** Retries every job that needs a person. */
async function retryAll(fixture: WorkerFixture): Promise<void> {
  const { organizationId } = fixture
  for (const { id, state } of await jobsOf(database, fixture)) {
    if (state !== 'needsPerson') continue
    const request = { organizationId, jobId: id, event: { type: 'retry' } } as const
    await db.transaction().execute((tx) => sendJobEvent(tx, deps, request))
  }
}
