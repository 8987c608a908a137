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

/** A connected account at a local TikTok, and the steps that look after its tokens. */
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
  // These steps use nothing else.
  const deps = { db, encryptor, tiktok: client } as unknown as StepDeps
  const context = { organizationId, jobId: accountId, signal: AbortSignal.timeout(60_000) } as StepContext
  const version = async () => (await readTokens(db, accountId))?.version
  return {
    tiktok,
    accountId,
    version,
    refresh: async () => refreshTokens(deps, context, { accountId, version: (await version()) ?? 0 }),
    /** By a worker whose ring is another one. */
    refreshWithoutKey: async () => {
      const strange = keyRingOf([randomBytes(32)])
      return createSteps({ ...deps, encryptor: createEncryptor(() => strange) }).refreshTokens?.(
        { accountId, version: (await version()) ?? 0 },
        context,
      )
    },
    refreshOf: (of: number) => refreshTokens(deps, context, { accountId, version: of }),
    revoke: () => revokeTokens(deps, context, { accountId }),
  }
}

describe('a refresh', () => {
  it('puts the new pair into the vault before it answers, and is the same for whoever asks again', async () => {
    const { tiktok, version, refreshOf } = await setUp()
    const first = (await version()) ?? 0
    const done = await refreshOf(first)
    expect(done).toMatchObject({ kind: 'done', output: { version: first + 1 } })
    expect(await version()).toBe(first + 1)
    // A worker that died after that is followed by one that finds the pair there.
    expect(await refreshOf(first)).toEqual(done)
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('shows no token to anybody while its key is not here, and goes on once it is', async () => {
    const { tiktok, refreshWithoutKey, refresh } = await setUp()
    for (let turn = 0; turn < 2; turn += 1)
      expect(await refreshWithoutKey()).toMatchObject({
        error: { kind: 'retry', failure: { verdict: 'NEEDS_OPERATOR', code: 'KEY_MISSING' } },
      })
    expect(tiktok.counters()).toMatchObject({ refreshes: 0 })
    expect(await refresh()).toMatchObject({ kind: 'done' })
  })

  it('is made once, however many workers perform the step at the same time', async () => {
    // TikTok is asked only once each of them has been refused or is about to ask.
    const everyone = Promise.withResolvers<void>()
    let missing = 8
    const come = () => {
      missing -= 1
      if (missing === 0) everyone.resolve()
    }
    const { tiktok, version, refreshOf } = await setUp(async (_call, run) => {
      come()
      await everyone.promise
      return await run()
    })
    const first = (await version()) ?? 0
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => refreshOf(first).finally(come)))
    expect(outcomes.filter((outcome) => outcome.kind === 'done')).toHaveLength(1)
    expect(outcomes).toContainEqual(
      expect.objectContaining({ error: expect.objectContaining({ kind: 'retry' }) }),
    )
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('may be tried again after an error that was answered, and after one that was not sent', async () => {
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

  it('never presents a token again whose answer was lost', async () => {
    const { tiktok, version, refreshOf } = await setUp()
    const first = (await version()) ?? 0
    tiktok.injectFault({ endpoint: 'token', effect: { kind: 'dropAfter' }, nth: 1 })
    const lost = { kind: 'notDone', error: { kind: 'unknown', failure: { code: 'REFRESH_ANSWER_LOST' } } }
    expect(await refreshOf(first)).toMatchObject(lost)
    // Whoever comes soon waits for the worker that presented it; whoever comes late knows that it is lost.
    expect(await refreshOf(first)).toMatchObject({ error: { kind: 'retry' } })
    await sql`update account set presented_at = presented_at - interval '61 seconds'`.execute(db)
    expect(await refreshOf(first)).toMatchObject(lost)
    expect(tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  })

  it('needs the creator when TikTok says that the token is dead', async () => {
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

it('empties the vault when an account is disconnected', async () => {
  const { accountId, revoke } = await setUp()
  expect(await revoke()).toMatchObject({ kind: 'done' })
  expect(await readTokens(db, accountId)).toBeNull()
})
