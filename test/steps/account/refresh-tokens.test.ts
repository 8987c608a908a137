import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { StepContext } from '../../../src/durable/step.ts'
import { createTikTokClient } from '../../../src/providers/tiktok/client.ts'
import type { Guard } from '../../../src/providers/tiktok/http/guard.ts'
import { connectLocalAccount } from '../../../src/rehearsal/local-account.ts'
import { Secret } from '../../../src/secret.ts'
import { startLocalTikTok } from '../../../src/simulator/local-tiktok.ts'
import { refreshTokens, revokeTokens } from '../../../src/steps/account/tokens.ts'
import { createSteps } from '../../../src/steps/catalogue.ts'
import type { StepDeps } from '../../../src/steps/step-deps.ts'
import { readTokens } from '../../../src/store/account/tokens.ts'
import { createEncryptor } from '../../../src/vault/encryptor.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime

/** A connected account at a local TikTok, and the token steps. */
async function setUp(guard?: Guard) {
  const tiktok = await startLocalTikTok({ persist: false })
  onTestFinished(() => tiktok.stop())
  const ring = keyRingOf([randomBytes(32)])
  const encryptor = createEncryptor(() => ring)
  const organizationId = await createOrganization(database)
  const username = `creator${randomBytes(4).toString('hex')}`
  const accountId = await connectLocalAccount(db, tiktok, encryptor, { organizationId, username })
  const client = createTikTokClient({
    apiBase: tiktok.url,
    clientKey: tiktok.app.clientKey,
    clientSecret: new Secret(tiktok.app.clientSecret),
    deadlineMs: 2_000,
    ...(guard && { guard }),
  })
  // The token steps use no other dependencies.
  const deps = { db, encryptor, tiktok: client } as unknown as StepDeps
  const context = { organizationId, jobId: accountId, signal: AbortSignal.timeout(60_000) } as StepContext
  const version = async () => (await readTokens(db, accountId))?.version
  return {
    tiktok,
    accountId,
    version,
    refresh: async () => refreshTokens(deps, context, { accountId, version: (await version()) ?? 0 }),
    /** By a worker with another key ring. */
    refreshWithoutKey: async () => {
      const otherRing = keyRingOf([randomBytes(32)])
      return createSteps({ ...deps, encryptor: createEncryptor(() => otherRing) }).refreshTokens?.(
        { accountId, version: (await version()) ?? 0 },
        context,
      )
    },
    refreshOf: (of: number) => refreshTokens(deps, context, { accountId, version: of }),
    revoke: () => revokeTokens(deps, context, { accountId }),
  }
}

describe('a token refresh', () => {
  it('stores the new pair before it answers, and answers the same when it is repeated', async () => {
    const { tiktok, version, refreshOf } = await setUp()
    const first = (await version()) ?? 0
    const done = await refreshOf(first)
    expect(done).toMatchObject({ kind: 'done', output: { version: first + 1 } })
    expect(await version()).toBe(first + 1)
    // After a crash the next worker finds the new pair stored.
    expect(await refreshOf(first)).toEqual(done)
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('presents no token while its key is missing, and goes on once the key is back', async () => {
    const { tiktok, refreshWithoutKey, refresh } = await setUp()
    for (let attempt = 0; attempt < 2; attempt += 1)
      expect(await refreshWithoutKey()).toMatchObject({
        error: { kind: 'retry', failure: { verdict: 'NEEDS_OPERATOR', code: 'KEY_MISSING' } },
      })
    expect(tiktok.counters()).toMatchObject({ refreshes: 0 })
    expect(await refresh()).toMatchObject({ kind: 'done' })
  })

  it('is requested once, however many workers perform the step concurrently', async () => {
    // The request is sent only when every worker has been refused or has reached the guard.
    const allArrived = Promise.withResolvers<void>()
    let missing = 8
    const arrive = () => {
      missing -= 1
      if (missing === 0) allArrived.resolve()
    }
    const { tiktok, version, refreshOf } = await setUp(async (_call, run) => {
      arrive()
      await allArrived.promise
      return await run()
    })
    const first = (await version()) ?? 0
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => refreshOf(first).finally(arrive)))
    expect(outcomes.filter((outcome) => outcome.kind === 'done')).toHaveLength(1)
    expect(outcomes).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ kind: 'retry' }) }),
    )
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('may be retried after an error response', async () => {
    const { tiktok, refresh } = await setUp()
    for (const [status, code] of [
      [500, 'server_error'],
      [503, 'temporarily_unavailable'],
      [429, 'rate_limit_exceeded'],
    ] as const) {
      tiktok.injectFault({ endpoint: 'token', effect: { kind: 'status', status, code }, nth: 1 })
      expect(await refresh()).toMatchObject({ kind: 'notDone', error: { kind: 'retry' } })
    }
    expect(await refresh()).toMatchObject({ kind: 'done' })
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('never presents a token again after its answer was lost', async () => {
    const { tiktok, version, refreshOf } = await setUp()
    const first = (await version()) ?? 0
    tiktok.injectFault({ endpoint: 'token', effect: { kind: 'dropAfter' }, nth: 1 })
    const answerLost = {
      kind: 'notDone',
      error: { kind: 'unknown', failure: { code: 'REFRESH_ANSWER_LOST' } },
    }
    expect(await refreshOf(first)).toMatchObject(answerLost)
    // Soon afterwards another worker waits for the answer; a minute later the answer counts as lost.
    expect(await refreshOf(first)).toMatchObject({ error: { kind: 'retry' } })
    await sql`update account set presented_at = presented_at - interval '61 seconds'`.execute(db)
    expect(await refreshOf(first)).toMatchObject(answerLost)
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('needs the creator when TikTok answers that the token is invalid', async () => {
    const { tiktok, refresh } = await setUp()
    tiktok.injectFault({
      endpoint: 'token',
      effect: { kind: 'status', status: 400, code: 'invalid_grant' },
      nth: 1,
    })
    expect(await refresh()).toMatchObject({
      error: { kind: 'needsAccount', failure: { code: 'invalid_grant' } },
    })
  })
})

it('revokeTokens deletes the tokens when an account is disconnected', async () => {
  const { accountId, revoke } = await setUp()
  expect(await revoke()).toMatchObject({ kind: 'done' })
  expect(await readTokens(db, accountId)).toBeNull()
})
