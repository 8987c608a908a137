import { beforeEach, describe, expect, it } from 'vitest'
import { registerBreakers } from '../../src/circuit-breaker/breaker.ts'
import type { CallOutcome } from '../../src/circuit-breaker/outcome.ts'
import type { BreakerDeps } from '../../src/circuit-breaker/permit.ts'
import { createWithBreaker } from '../../src/circuit-breaker/with-breaker.ts'
import { forceBreaker } from '../../src/commands/limits/force-breaker.ts'
import type { Answer } from '../../src/providers/tiktok/http/answer.ts'
import { type Guard, type GuardedCall, guardChunk } from '../../src/providers/tiktok/http/guard.ts'
import { connect } from '../../src/store/database.ts'
import { createBreakerGuard } from '../../src/tiktok-policy/breaker-guard.ts'
import { composeGuards } from '../../src/tiktok-policy/guarded-client.ts'
import { answering, deadToken, eventsOf, ok, rowOf, serverError } from '../circuit-breaker/support.ts'
import { createAccount } from '../support/account.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime

let at = 1_767_225_600_000
const wait = (seconds: number) => {
  at += seconds * 1_000
}
const deps: BreakerDeps = { db, now: () => at, random: () => 0 }
const guard = createBreakerGuard(deps)

let organizationId: string
let accountId: string

beforeEach(async () => {
  await database.owner.pool.query('delete from reelpilot.circuit_breaker')
  organizationId = await createOrganization(database)
  accountId = await createAccount(database, organizationId)
})

const callerOf = (account: string) => ({ organizationId, accountId: account, requester: 'a job' })
const status = (attempt?: number): GuardedCall => ({
  endpoint: 'status',
  caller: callerOf(accountId),
  ...(attempt !== undefined && { attempt }),
})
const ofUpstream = { endpoint: 'status' } as const

/** Calls several times in a row. Returns the last answer and how many calls were made. */
async function call(
  answer: Answer<unknown>,
  times = 1,
  which: GuardedCall = status(),
  through: Guard = guard,
) {
  const { calls, run } = answering(answer)
  let last = answer
  for (let index = 0; index < times; index += 1) last = await through(which, run)
  return { last, made: calls.made }
}

const deferred = (afterSeconds: number, reason = 'circuitOpen') => ({
  kind: 'deferred',
  reason,
  afterSeconds,
})

describe('the breaker guard of TikTok', () => {
  it('writes nothing while calls succeed', async () => {
    expect(await call(ok, 3)).toEqual({ last: ok, made: 3 })
    expect(await rowOf(database, 'tiktok')).toBeUndefined()
    expect(await rowOf(database, `tiktok/${accountId}`, accountId)).toBeUndefined()
  })

  it('opens after five failures in a row, permits one probe after a minute and recovers at a limited rate', async () => {
    expect(await call(serverError, 8)).toEqual({ last: deferred(60), made: 5 })
    wait(59)
    expect(await call(ok)).toEqual({ last: deferred(1), made: 0 })
    wait(1)
    expect(await call(serverError)).toMatchObject({ last: serverError, made: 1 })
    expect(await call(ok)).toEqual({ last: deferred(60), made: 0 })
    wait(60)
    // The probe and the first call of the recovery; the next one is allowed a second later.
    expect(await call(ok, 3)).toEqual({ last: deferred(1), made: 2 })
    for (let index = 0; index < 60; index += 1) {
      wait(0.5)
      await call(ok)
    }
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'closed', known: { failures: 0 } })
    expect(await eventsOf(database, organizationId)).toEqual([
      'tiktok: closed to open',
      'tiktok: open to halfOpen',
      'tiktok: halfOpen to open',
      'tiktok: open to halfOpen',
      'tiktok: halfOpen to recovering',
      'tiktok: recovering to closed',
    ])
  })

  it.each([
    ['a 5xx', serverError],
    ['a timeout', { kind: 'unknown', cause: 'timeout' }],
    ['a lost connection', { kind: 'unknown', cause: 'connectionLost' }],
    ['no connection', { kind: 'notSent', code: 'ECONNREFUSED' }],
  ] as const)('counts %s as a failure of the host', async (_what, answer) => {
    expect((await call(answer, 6, ofUpstream)).made).toBe(5)
  })

  it.each([
    ['a refusal', { kind: 'refused', httpStatus: 400, code: 'invalid_params', message: '' }],
    ['an invalid token', deadToken],
    ['a rate limit', { kind: 'rateLimited' }],
    ['a deferred call', { kind: 'deferred', reason: 'rateLimit', afterSeconds: 1 }],
    ['an aborted call', { kind: 'unknown', cause: 'aborted' }],
    ['a call that was aborted before it was sent', { kind: 'notSent', code: 'ABORTED' }],
    ['an unreadable answer', { kind: 'unknown', cause: 'unreadable' }],
  ] as const)('does not count %s as a failure of the host', async (_what, answer) => {
    expect((await call(answer, 12, ofUpstream)).made).toBe(12)
    expect(await rowOf(database, 'tiktok')).toBeUndefined()
  })

  it('opens for one account if the fault is the account’s, and lets its token be renewed', async () => {
    const other = await createAccount(database, organizationId)
    expect(await call(deadToken, 7)).toEqual({ last: deferred(60), made: 5 })
    expect((await call(ok, 1, { endpoint: 'status', caller: callerOf(other) })).made).toBe(1)
    expect((await call(ok, 1, { endpoint: 'token', caller: callerOf(accountId) })).made).toBe(1)
    expect((await call(ok, 1, { endpoint: 'upload', caller: callerOf(accountId) })).made).toBe(1)
    wait(60)
    expect((await call(ok)).made).toBe(1)
    expect(await rowOf(database, `tiktok/${accountId}`, accountId)).toMatchObject({ state: 'recovering' })
    expect(await rowOf(database, 'tiktok')).toBeUndefined()
  })

  it('counts a ban as a failure of the account, and a missing scope as none', async () => {
    const banned = {
      kind: 'refused',
      httpStatus: 403,
      code: 'spam_risk_user_banned_from_posting',
      message: '',
    } as const
    expect((await call({ kind: 'unauthorized', code: 'scope_not_authorized' }, 8)).made).toBe(8)
    expect((await call(banned, 8)).made).toBe(5)
  })

  it('has a separate breaker for the upload host', async () => {
    const chunk = () =>
      guardChunk(guard, { endpoint: 'upload' }, async () => ({ kind: 'retry', httpStatus: 503 }))
    for (let index = 0; index < 5; index += 1) expect(await chunk()).toMatchObject({ kind: 'retry' })
    expect(await chunk()).toEqual(deferred(60))
    expect((await call(ok)).made).toBe(1)
    expect(await rowOf(database, 'tiktok-upload')).toMatchObject({ state: 'open' })
  })

  it('stays open for as long as the host requests', async () => {
    await call({ ...serverError, retryAfterSeconds: 90 }, 5)
    expect((await call(ok)).last).toEqual(deferred(90))
  })

  it('defers calls with jitter', async () => {
    await call(serverError, 5)
    const randoms = [0.25, 0.5, 0.75]
    const withJitter = createBreakerGuard({ ...deps, random: () => randoms.shift() ?? 0 })
    const results = [await call(ok, 1, status(), withJitter), await call(ok, 1, status(), withJitter)]
    results.push(await call(ok, 1, status(), withJitter))
    expect(results.map(({ last }) => last)).toEqual([deferred(62.5), deferred(65), deferred(67.5)])
  })

  it('returns the permit of a probe whose call was not made', async () => {
    await call(serverError, 5)
    wait(60)
    const thrown = guard(status(), async () => {
      throw new Error('no such file')
    })
    await expect(thrown).rejects.toThrow('no such file')
    expect((await call({ kind: 'deferred', reason: 'rateLimit', afterSeconds: 1 })).made).toBe(1)
    expect((await call({ kind: 'unknown', cause: 'aborted' })).made).toBe(1)
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'halfOpen.ready' })
    // An unreadable answer proves nothing: the probe keeps its permit, and other calls retry soon.
    expect((await call({ kind: 'unknown', cause: 'unreadable' })).made).toBe(1)
    expect(await call(ok)).toEqual({ last: deferred(5), made: 0 })
    wait(35)
    expect((await call(ok)).made).toBe(1)
  })

  it('permits a call by both its breakers or by none', async () => {
    const key = `tiktok/${accountId}`
    await call(serverError, 5)
    await db
      .transaction()
      .execute((tx) => forceBreaker(tx, { organizationId, key, mode: 'open', reason: 'a test', by: null }))
    wait(60)
    expect(await call(ok)).toEqual({ last: deferred(60), made: 0 })
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'open' })
    expect((await call(ok, 1, ofUpstream)).made).toBe(1)
  })

  it('does not call the limiter behind it while it is open', async () => {
    let tokens = 0
    const limiter: Guard = async (_call, run) => {
      tokens += 1
      return await run()
    }
    const both = composeGuards(guard, limiter)
    expect((await call(serverError, 9, ofUpstream, both)).made).toBe(5)
    expect(tokens).toBe(5)
    expect(await call(ok, 2, ofUpstream, composeGuards())).toEqual({ last: ok, made: 2 })
  })

  it('returns the answer even if the outcome cannot be recorded', async () => {
    const errors: unknown[] = []
    const connection = connect(database.url, 'reelpilot_runtime', {
      max: 1,
      name: 'lost',
      onError: () => undefined,
    })
    const failing = createBreakerGuard({ ...deps, db: connection.db, onError: (error) => errors.push(error) })
    const answer = await failing(status(), async () => {
      await connection.close()
      return ok
    })
    expect(answer).toEqual(ok)
    expect(errors).toHaveLength(1)
  })

  it('reports each state change with the organizations that got an event', async () => {
    const reported: unknown[] = []
    const reporting = createBreakerGuard({
      ...deps,
      onStateChange: (change, organizations) =>
        reported.push({ ...change, ours: organizations.includes(organizationId) }),
    })
    await call(serverError, 5, status(), reporting)
    expect(reported).toEqual([{ key: 'tiktok', from: 'closed', to: 'open', event: 'failed', ours: true }])
  })

  it('sends events to organizations with accounts or jobs only', async () => {
    const idle = await createOrganization(database)
    await call(serverError, 5)
    expect(await eventsOf(database, organizationId)).toEqual(['tiktok: closed to open'])
    expect(await eventsOf(database, idle)).toEqual([])
  })

  it('sends the events of an account to its organization only', async () => {
    const otherOrganizationId = await createOrganization(database)
    await createAccount(database, otherOrganizationId)
    await call(deadToken, 5)
    expect(await eventsOf(database, organizationId)).toEqual([`tiktok/${accountId}: closed to open`])
    expect(await eventsOf(database, otherOrganizationId)).toEqual([])
  })
})

describe('the retry budget', () => {
  const retry = { ...ofUpstream, attempt: 2 }

  /** Retries without success until they are deferred, with a success now and then that keeps the breaker closed. */
  async function storm(): Promise<{ readonly retries: number; readonly successes: number }> {
    let [retries, successes] = [0, 0]
    for (;;) {
      if (retries % 4 === 3) successes += (await call(ok, 1, ofUpstream)).made
      const { last, made } = await call(serverError, 1, retry)
      if (made === 0) {
        expect(last).toMatchObject({ kind: 'deferred', reason: 'retryBudget' })
        return { retries, successes }
      }
      retries += 1
    }
  }

  it('defers retries once a hundred and a fifth of the successes are spent, and never first attempts', async () => {
    const { retries, successes } = await storm()
    expect(retries).toBe(100 + Math.floor(successes / 5))
    expect((await call(ok, 1, ofUpstream)).made).toBe(1)
    expect((await call(ok, 1, retry)).made).toBe(0)
    wait(5)
    expect((await call(ok, 1, retry)).made).toBe(1)
  })

  it('refunds a retry that succeeded or was not made', async () => {
    await storm()
    wait(5)
    for (let index = 0; index < 10; index += 1)
      expect((await call(ok, 1, { ...ofUpstream, attempt: 3 })).made).toBe(1)
    for (let index = 0; index < 10; index += 1) {
      const limited = { kind: 'deferred', reason: 'rateLimit', afterSeconds: 1 } as const
      expect((await call(limited, 1, { ...ofUpstream, attempt: 3 })).last).toEqual(limited)
    }
  })
})

describe('a breaker of another upstream', () => {
  class Busy extends Error {}
  class Refused extends Error {}
  const withBreaker = createWithBreaker(deps)
  const key = 'video/local'
  const outcomeOf = (error: unknown): CallOutcome => {
    if (error instanceof Busy) return { kind: 'failure' }
    return { kind: error instanceof Refused ? 'success' : 'notExecuted' }
  }
  const throwing = (error: Error, attempt = 1) =>
    withBreaker({ key, attempt }, () => Promise.reject(error), outcomeOf)

  it('classifies the errors that its client throws', async () => {
    for (let index = 0; index < 5; index += 1)
      await expect(throwing(new Busy('busy'))).rejects.toThrow('busy')
    expect(await throwing(new Busy())).toEqual(deferred(60))
    wait(60)
    await expect(throwing(new Error('stopped'))).rejects.toThrow('stopped')
    expect(await rowOf(database, key)).toMatchObject({ state: 'halfOpen.ready' })
    await expect(throwing(new Refused('no'))).rejects.toThrow('no')
    expect(await rowOf(database, key)).toMatchObject({ state: 'recovering' })
    expect(await withBreaker({ key }, async () => 7, outcomeOf)).toEqual({ kind: 'ran', value: 7 })
  })

  it('has its own retry budget, which calls that were not made do not use', async () => {
    let [retries, successes] = [0, 0]
    for (;;) {
      if (retries % 4 === 3) {
        await expect(throwing(new Refused('no'))).rejects.toThrow('no')
        successes += 1
      }
      // A call that was not made is refunded; a failure is not.
      await throwing(new Error('stopped'), 2).catch(() => undefined)
      const made = await throwing(new Busy(), 2).catch(() => null)
      if (made) {
        expect(made).toMatchObject({ kind: 'deferred', reason: 'retryBudget' })
        break
      }
      retries += 1
    }
    expect(retries).toBe(100 + Math.floor(successes / 5))
    await expect(throwing(new Busy('busy'))).rejects.toThrow('busy')
    expect((await call(ok, 1, { ...ofUpstream, attempt: 2 })).made).toBe(1)
  })

  it('gets a row when it is registered, and an existing row stays unchanged', async () => {
    await call(serverError, 5)
    await registerBreakers(db, ['tiktok', 'video/local'])
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'open' })
    expect(await rowOf(database, 'video/local')).toMatchObject({ state: 'closed', revision: 1 })
  })
})
