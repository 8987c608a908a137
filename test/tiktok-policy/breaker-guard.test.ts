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
import { answering, deadToken, ok, rowOf, serverError, toldTo } from '../circuit-breaker/support.ts'
import { createAccount } from '../graphql/support.ts'
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

/** Calls so often in a row; what was answered last, and how many calls were made. */
async function call(
  answer: Answer<unknown>,
  times = 1,
  which: GuardedCall = status(),
  through: Guard = guard,
) {
  const { calls, run } = answering(answer)
  let last = answer
  for (let turn = 0; turn < times; turn += 1) last = await through(which, run)
  return { last, made: calls.made }
}

const held = (afterSeconds: number, reason = 'circuitOpen') => ({ kind: 'deferred', reason, afterSeconds })

describe('the guard', () => {
  it('writes nothing while all is well', async () => {
    expect(await call(ok, 3)).toEqual({ last: ok, made: 3 })
    expect(await rowOf(database, 'tiktok')).toBeUndefined()
    expect(await rowOf(database, `tiktok/${accountId}`, accountId)).toBeUndefined()
  })

  it('turns calls away after five failures in a row, lets one probe after a minute, and recovers at a pace', async () => {
    expect(await call(serverError, 8)).toEqual({ last: held(60), made: 5 })
    wait(59)
    expect(await call(ok)).toEqual({ last: held(1), made: 0 })
    wait(1)
    expect(await call(serverError)).toMatchObject({ last: serverError, made: 1 })
    expect(await call(ok)).toEqual({ last: held(60), made: 0 })
    wait(60)
    // The probe, and the first call of the recovery; the next one has its place a second later.
    expect(await call(ok, 3)).toEqual({ last: held(1), made: 2 })
    for (let turn = 0; turn < 60; turn += 1) {
      wait(0.5)
      await call(ok)
    }
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'closed', known: { failures: 0 } })
    expect(await toldTo(database, organizationId)).toEqual([
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
    ['silence', { kind: 'unknown', cause: 'timeout' }],
    ['a lost connection', { kind: 'unknown', cause: 'connectionLost' }],
    ['no connection', { kind: 'notSent', code: 'ECONNREFUSED' }],
  ] as const)('counts %s as a failure of the host', async (_what, answer) => {
    expect((await call(answer, 6, ofUpstream)).made).toBe(5)
  })

  it.each([
    ['a refusal', { kind: 'refused', httpStatus: 400, code: 'invalid_params', message: '' }],
    ['a token that is not taken', deadToken],
    ['too many calls', { kind: 'rateLimited' }],
    ['a call that it held itself', { kind: 'deferred', reason: 'rateLimit', afterSeconds: 1 }],
    ['a call that was withdrawn', { kind: 'unknown', cause: 'aborted' }],
    ['a call that was withdrawn before it left', { kind: 'notSent', code: 'ABORTED' }],
    ['an answer that nobody can read', { kind: 'unknown', cause: 'unreadable' }],
  ] as const)('does not count %s', async (_what, answer) => {
    expect((await call(answer, 12, ofUpstream)).made).toBe(12)
    expect(await rowOf(database, 'tiktok')).toBeUndefined()
  })

  it('opens for an account alone when the fault is the account’s, and closes by its renewed token', async () => {
    const other = await createAccount(database, organizationId)
    expect(await call(deadToken, 7)).toEqual({ last: held(60), made: 5 })
    expect((await call(ok, 1, { endpoint: 'status', caller: callerOf(other) })).made).toBe(1)
    expect((await call(ok, 1, { endpoint: 'token', caller: callerOf(accountId) })).made).toBe(1)
    expect((await call(ok, 1, { endpoint: 'upload', caller: callerOf(accountId) })).made).toBe(1)
    wait(60)
    expect((await call(ok)).made).toBe(1)
    expect(await rowOf(database, `tiktok/${accountId}`, accountId)).toMatchObject({ state: 'recovering' })
    expect(await rowOf(database, 'tiktok')).toBeUndefined()
  })

  it('counts a ban against the account, and a missing scope against nobody', async () => {
    const banned = {
      kind: 'refused',
      httpStatus: 403,
      code: 'spam_risk_user_banned_from_posting',
      message: '',
    } as const
    expect((await call({ kind: 'unauthorized', code: 'scope_not_authorized' }, 8)).made).toBe(8)
    expect((await call(banned, 8)).made).toBe(5)
  })

  it('knows the upload host by itself', async () => {
    const chunk = () =>
      guardChunk(guard, { endpoint: 'upload' }, async () => ({ kind: 'retry', httpStatus: 503 }))
    for (let turn = 0; turn < 5; turn += 1) expect(await chunk()).toMatchObject({ kind: 'retry' })
    expect(await chunk()).toEqual(held(60))
    expect((await call(ok)).made).toBe(1)
    expect(await rowOf(database, 'tiktok-upload')).toMatchObject({ state: 'open' })
  })

  it('leaves the host alone for as long as it asks to be', async () => {
    await call({ ...serverError, retryAfterSeconds: 90 }, 5)
    expect((await call(ok)).last).toEqual(held(90))
  })

  it('tells those whom it turns away different times, so that they do not come at once', async () => {
    await call(serverError, 5)
    const chances = [0.25, 0.5, 0.75]
    const spread = createBreakerGuard({ ...deps, random: () => chances.shift() ?? 0 })
    const told = [await call(ok, 1, status(), spread), await call(ok, 1, status(), spread)]
    told.push(await call(ok, 1, status(), spread))
    expect(told.map(({ last }) => last)).toEqual([held(62.5), held(65), held(67.5)])
  })

  it('frees the place of a probe whose call was not made', async () => {
    await call(serverError, 5)
    wait(60)
    const thrown = guard(status(), async () => {
      throw new Error('no such file')
    })
    await expect(thrown).rejects.toThrow('no such file')
    expect((await call({ kind: 'deferred', reason: 'rateLimit', afterSeconds: 1 })).made).toBe(1)
    expect((await call({ kind: 'unknown', cause: 'aborted' })).made).toBe(1)
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'halfOpen.ready' })
    // What nobody can read proves nothing: the place is kept, and others look again soon.
    expect((await call({ kind: 'unknown', cause: 'unreadable' })).made).toBe(1)
    expect(await call(ok)).toEqual({ last: held(5), made: 0 })
    wait(35)
    expect((await call(ok)).made).toBe(1)
  })

  it('lets a call through both its breakers or takes no place at either', async () => {
    const key = `tiktok/${accountId}`
    await call(serverError, 5)
    await db
      .transaction()
      .execute((tx) => forceBreaker(tx, { organizationId, key, mode: 'open', reason: 'a test', by: null }))
    wait(60)
    expect(await call(ok)).toEqual({ last: held(60), made: 0 })
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'open' })
    expect((await call(ok, 1, ofUpstream)).made).toBe(1)
  })

  it('spares the limiter behind it while it is open', async () => {
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

  it('never loses an answer because it could not be written down', async () => {
    const errors: unknown[] = []
    const lost = connect(database.url, 'reelpilot_runtime', {
      max: 1,
      name: 'lost',
      onError: () => undefined,
    })
    const failing = createBreakerGuard({ ...deps, db: lost.db, onError: (error) => errors.push(error) })
    const answer = await failing(status(), async () => {
      await lost.close()
      return ok
    })
    expect(answer).toEqual(ok)
    expect(errors).toHaveLength(1)
  })

  it('says which state was left for which, and whose subscribers have to hear of it', async () => {
    const heard: unknown[] = []
    const telling = createBreakerGuard({
      ...deps,
      onStateChange: (passage, organizations) =>
        heard.push({ ...passage, ours: organizations.includes(organizationId) }),
    })
    await call(serverError, 5, status(), telling)
    expect(heard).toEqual([{ key: 'tiktok', from: 'closed', to: 'open', event: 'failed', ours: true }])
  })

  it('tells those who have something to lose, and nobody else', async () => {
    const idle = await createOrganization(database)
    await call(serverError, 5)
    expect(await toldTo(database, organizationId)).toEqual(['tiktok: closed to open'])
    expect(await toldTo(database, idle)).toEqual([])
  })

  it('keeps an account’s news within its organization', async () => {
    const stranger = await createOrganization(database)
    await createAccount(database, stranger)
    await call(deadToken, 5)
    expect(await toldTo(database, organizationId)).toEqual([`tiktok/${accountId}: closed to open`])
    expect(await toldTo(database, stranger)).toEqual([])
  })
})

describe('the retry budget', () => {
  const retry = { ...ofUpstream, attempt: 2 }

  /** Retries in vain until they are held, with a success now and then, so that the breaker stays closed. */
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

  it('holds retries once a hundred and a fifth of the successes are spent, and first attempts never', async () => {
    const { retries, successes } = await storm()
    expect(retries).toBe(100 + Math.floor(successes / 5))
    expect((await call(ok, 1, ofUpstream)).made).toBe(1)
    expect((await call(ok, 1, retry)).made).toBe(0)
    wait(5)
    expect((await call(ok, 1, retry)).made).toBe(1)
  })

  it('gives a retry back that succeeded or was not made', async () => {
    await storm()
    wait(5)
    for (let turn = 0; turn < 10; turn += 1)
      expect((await call(ok, 1, { ...ofUpstream, attempt: 3 })).made).toBe(1)
    for (let turn = 0; turn < 10; turn += 1) {
      const limited = { kind: 'deferred', reason: 'rateLimit', afterSeconds: 1 } as const
      expect((await call(limited, 1, { ...ofUpstream, attempt: 3 })).last).toEqual(limited)
    }
  })
})

describe('any other upstream', () => {
  class Busy extends Error {}
  class Refused extends Error {}
  const protect = createWithBreaker(deps)
  const key = 'video/local'
  const findingOf = (error: unknown): CallOutcome => {
    if (error instanceof Busy) return { kind: 'failure' }
    return { kind: error instanceof Refused ? 'success' : 'notExecuted' }
  }
  const throwing = (error: Error, attempt = 1) =>
    protect({ key, attempt }, () => Promise.reject(error), findingOf)

  it('is protected the same way, by what it throws', async () => {
    for (let turn = 0; turn < 5; turn += 1) await expect(throwing(new Busy('busy'))).rejects.toThrow('busy')
    expect(await throwing(new Busy())).toEqual(held(60))
    wait(60)
    await expect(throwing(new Error('stopped'))).rejects.toThrow('stopped')
    expect(await rowOf(database, key)).toMatchObject({ state: 'halfOpen.ready' })
    await expect(throwing(new Refused('no'))).rejects.toThrow('no')
    expect(await rowOf(database, key)).toMatchObject({ state: 'recovering' })
    expect(await protect({ key }, async () => 7, findingOf)).toEqual({ kind: 'ran', value: 7 })
  })

  it('has a budget for retries of its own, which what was not made does not draw on', async () => {
    let [retries, successes] = [0, 0]
    for (;;) {
      if (retries % 4 === 3) {
        await expect(throwing(new Refused('no'))).rejects.toThrow('no')
        successes += 1
      }
      // Held or stopped, it is paid back; busy, it is not.
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

  it('has a row from the start once it is registered, which leaves the row of a known one as it is', async () => {
    await call(serverError, 5)
    await registerBreakers(db, ['tiktok', 'video/local'])
    expect(await rowOf(database, 'tiktok')).toMatchObject({ state: 'open' })
    expect(await rowOf(database, 'video/local')).toMatchObject({ state: 'closed', revision: 1 })
  })
})
