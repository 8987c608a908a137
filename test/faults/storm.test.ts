import { expect, it } from 'vitest'
import type { JobContext } from '../../machines/job/context.ts'
import { authorizeAccount } from '../../src/commands/account/authorize-account.ts'
import { moveJob } from '../../src/commands/move-job.ts'
import { Secret } from '../../src/secret.ts'
import { listAccounts } from '../../src/store/account/accounts.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { startCrew } from '../support/crew.ts'
import { createTestDatabase } from '../support/database.ts'
import { createStage, type Stage } from '../support/stage.ts'
import { expectEverySlotPostedOnce, jobsOf } from '../support/verdict.ts'
import { until } from '../support/wait.ts'
import { expectWindowsKept } from '../support/window-verdict.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const { db } = database.runtime

const jobs = inForm(24, 100)
const accounts = inForm(4, 10)
const workers = inForm(2, 4)
/** The organization's own, a minute, so that they are felt. */
const limits = { uploads: 60, reads: 600 }
/** Every so often one of the workers is killed, without a warning. */
const killEveryMs = 5_000

const endpoints = ['token', 'creatorInfo', 'videoInit', 'upload', 'statusFetch', 'videoList'] as const
const rests: ReadonlySet<string> = new Set(['published', 'failed', 'needsPerson', 'waitingForAccount'])

it('posts each slot once or says why not, within all limits, through lost answers, errors, dying tokens and kills', async () => {
  const stage = await createStage(database, jobs, {
    slotsPerAccount: jobs / accounts,
    sameVideo: true,
    limits,
    simulatorSettings: { accessTtlSeconds: 20, dailyPostCap: null, rateLimits: true },
  })
  for (const [index, endpoint] of endpoints.entries()) {
    stage.tiktok.injectFault({
      endpoint,
      effect: { kind: 'dropAfter' },
      probability: 0.05,
      seed: 100 + index,
    })
    stage.tiktok.injectFault({
      endpoint,
      effect: { kind: 'status', status: 500 },
      probability: 0.05,
      seed: 200 + index,
    })
  }
  const crew = startCrew(stage.settings, { workers, killEveryMs })
  try {
    await untilAtRest(stage, 900_000)
    await expectOnePostOrVerdict(stage)
    await expectAccountsKept(stage)
    expectWindowsKept(stage.tiktok, limits)

    // What could not be kept needs its owner. Once they have come, and the weather is fair, the rest goes out.
    stage.tiktok.clearFaults()
    stage.tiktok.changeSettings({ rateLimits: false })
    crew.calm()
    await reconnectAll(stage)
    await retryAll(stage)
    await until(
      () => jobsOf(database, stage),
      (all) => all.every((job) => job.state === 'published'),
      480_000,
      1_000,
    )
  } finally {
    await crew.stop()
  }
  await expectEverySlotPostedOnce(database, stage)
  expect(stage.tiktok.counters()).toMatchObject({ refreshReuse: 0, authorizationOnUpload: 0 })
  await stage.close()
}, 1_800_000)

async function untilAtRest(stage: Stage, timeoutMs: number): Promise<void> {
  await until(
    () => jobsOf(database, stage),
    (all) => all.length === jobs && all.every((job) => rests.has(job.state)),
    timeoutMs,
    1_000,
  )
}

async function expectOnePostOrVerdict(stage: Stage): Promise<void> {
  const posts = stage.tiktok.posts().filter((post) => post.bytes === post.size && post.status !== 'FAILED')
  for (const job of await jobsOf(database, stage)) {
    const own = posts.filter((post) => post.title === job.slot_id)
    const { failure, sentAt, unsure } = job.context as unknown as JobContext
    expect(own.length).toBeLessThanOrEqual(1)
    if (job.state === 'published') expect(own).toHaveLength(1)
    else expect(failure).toMatchObject({ verdict: expect.any(String), message: expect.any(String) })
    // Whatever is at TikTok is known to be there, or asked about before anything else is done.
    if (own.length === 1 && job.state !== 'published') expect(sentAt !== null || unsure).toBe(true)
  }
}

/** An account is lost only if TikTok answered to its refresh token and the answer did not arrive. */
async function expectAccountsKept(stage: Stage): Promise<void> {
  expect(stage.tiktok.counters().refreshReuse).toBe(0)
  for (const account of await accountsOf(stage)) {
    if (account.state === 'connected' || account.state.startsWith('refreshing.')) continue
    expect(account).toMatchObject({
      state: 'needsReauthorization',
      context: { failure: { code: 'REFRESH_ANSWER_LOST' } },
    })
  }
}

function accountsOf(stage: Stage) {
  return listAccounts(db, stage.organizationId, { limit: 100, inverted: false })
}

/** Their owners connect them again, as the callback would. */
async function reconnectAll(stage: Stage): Promise<void> {
  const { organizationId, sealer } = stage
  for (const { id, state, username, displayName } of await accountsOf(stage)) {
    if (state !== 'needsReauthorization' || !username || !displayName) continue
    const grant = stage.tiktok.grant(username)
    const creator = { openId: grant.open_id, username, displayName, scopes: grant.scope.split(',') }
    const place = { organizationId, row: id }
    const tokens = {
      accessTokenSealed: sealer.seal(new Secret(grant.access_token), { ...place, column: 'access_token' }),
      refreshTokenSealed: sealer.seal(new Secret(grant.refresh_token), { ...place, column: 'refresh_token' }),
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

/** A person looks at what rests and lets it go on. */
async function retryAll(stage: Stage): Promise<void> {
  const { organizationId } = stage
  for (const { id, state } of await jobsOf(database, stage)) {
    if (state !== 'needsPerson') continue
    const request = { organizationId, jobId: id, event: { type: 'retry' } } as const
    await db.transaction().execute((tx) => moveJob(tx, deps, request))
  }
}
