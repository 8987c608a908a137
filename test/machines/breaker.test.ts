import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type BreakerContext,
  type BreakerEvent,
  failureThreshold,
  recoveryRates,
} from '../../machines/breaker.ts'
import {
  creditSuccess,
  fullBudget,
  maxUnits,
  type RetryBudget,
  refundRetry,
  retriesLeft,
  spendRetry,
} from '../../machines/rules/retry-budget.ts'
import {
  type Breaker,
  breakerAt,
  publicStateOf,
  transitionBreaker,
} from '../../src/circuit-breaker/breaker.ts'
import { breakerMachine, initialBreaker } from '../../src/definitions/machines.ts'
import { contextOf, leafPaths } from '../../src/durable/machine.ts'

const start = 1_767_225_600_000
const record = {
  key: 'tiktok',
  accountId: null,
  organizationId: null,
  stored: null,
  retryBudget: null,
  revision: 0,
}

/** Drives a breaker as processes do: due timers fire at the next read. */
class Walk {
  breaker: Breaker = breakerAt(record, start)
  at = start
  #calls = 0

  wait(seconds: number): this {
    this.at += seconds * 1_000
    const { version, state, tag, context, timers } = this.breaker.checkpoint
    const stored = { version, state, tag, context, timers }
    this.breaker = { ...breakerAt({ ...record, stored }, this.at), changes: [] }
    return this
  }
  /** Whether the event was accepted. */
  send(event: BreakerEvent): boolean {
    const moved = transitionBreaker(this.breaker, event, this.at)
    if (moved.kind === 'moved') this.breaker = moved.breaker
    return moved.kind === 'moved'
  }
  /** The permit of a call; null if it was refused. */
  call(timeoutMs = 30_000): { readonly permit: string; readonly epoch: number } | null {
    this.#calls += 1
    const permit = `call ${this.#calls}`
    return this.send({ type: 'call', permit, timeoutMs }) ? { permit, epoch: this.context.epoch } : null
  }
  calls(type: 'succeeded' | 'failed', times: number): this {
    for (let index = 0; index < times; index += 1) {
      const permit = this.call()
      if (!permit) throw new Error(`call ${index + 1} was refused in ${this.state}`)
      this.send({ type, ...permit })
    }
    return this
  }
  force(type: 'forceOpen' | 'forceClosed'): this {
    this.send({ type, by: 'key', reason: 'because' })
    return this
  }
  get state(): string {
    return this.breaker.checkpoint.state
  }
  get context(): BreakerContext {
    return contextOf(breakerMachine, this.breaker.checkpoint)
  }
}

const opened = () => new Walk().calls('failed', failureThreshold)
const ready = () => opened().wait(60)
const probing = () => {
  const walk = ready()
  walk.call()
  return walk
}
const recovering = () => ready().calls('succeeded', 1)

const walkIn: Readonly<Record<string, () => Walk>> = {
  closed: () => new Walk(),
  open: opened,
  'halfOpen.ready': ready,
  'halfOpen.probing': probing,
  recovering,
  forcedOpen: () => new Walk().force('forceOpen'),
  forcedClosed: () => new Walk().force('forceClosed'),
}

describe('the breaker machine', () => {
  it('has a test case in every state', () => {
    expect(Object.keys(walkIn).sort()).toEqual([...leafPaths(breakerMachine)].sort())
    for (const [state, create] of Object.entries(walkIn)) expect(create().state).toBe(state)
  })

  // Outcomes are those of the probe, or of a call permitted under the current epoch.
  it.each([
    ['closed', 'call', 'closed'],
    ['closed', 'succeeded', 'closed'],
    ['closed', 'failed', 'closed'],
    ['closed', 'abandoned', null],
    ['closed', 'release', null],
    ['open', 'call', null],
    ['open', 'succeeded', null],
    ['open', 'failed', null],
    ['open', 'abandoned', null],
    ['open', 'release', null],
    ['halfOpen.ready', 'call', 'halfOpen.probing'],
    ['halfOpen.ready', 'succeeded', null],
    ['halfOpen.ready', 'failed', null],
    ['halfOpen.ready', 'abandoned', null],
    ['halfOpen.ready', 'release', null],
    ['halfOpen.probing', 'call', null],
    ['halfOpen.probing', 'succeeded', 'recovering'],
    ['halfOpen.probing', 'failed', 'open'],
    ['halfOpen.probing', 'abandoned', 'halfOpen.ready'],
    ['halfOpen.probing', 'release', null],
    ['recovering', 'call', 'recovering'],
    ['recovering', 'succeeded', 'recovering'],
    ['recovering', 'failed', 'open'],
    ['recovering', 'abandoned', null],
    ['recovering', 'release', null],
    ['forcedOpen', 'call', null],
    ['forcedOpen', 'succeeded', null],
    ['forcedOpen', 'failed', null],
    ['forcedOpen', 'abandoned', null],
    ['forcedOpen', 'release', 'halfOpen.ready'],
    ['forcedClosed', 'call', 'forcedClosed'],
    ['forcedClosed', 'succeeded', null],
    ['forcedClosed', 'failed', null],
    ['forcedClosed', 'abandoned', null],
    ['forcedClosed', 'release', 'closed'],
  ] as const)('in %s answers %s with %s', (state, type, next) => {
    const walk = walkIn[state]?.() ?? new Walk()
    const { epoch, probe } = walk.context
    const permit = probe?.permit ?? 'x'
    const accepted = walk.send({ type, permit, epoch, timeoutMs: 1_000 } as BreakerEvent)
    expect(accepted ? walk.state : null).toBe(next)
    if (!accepted) expect(walk.state).toBe(state)
  })

  it.each(Object.keys(walkIn))(
    'in %s can be forced by a person, and keeps who and why until it is released',
    (state) => {
      for (const [type, forced] of [
        ['forceOpen', 'forcedOpen'],
        ['forceClosed', 'forcedClosed'],
      ] as const) {
        const walk = walkIn[state]?.() ?? new Walk()
        const { epoch } = walk.context
        walk.force(type)
        expect(walk.breaker.checkpoint).toMatchObject({ state: forced, tag: 'resting', timers: {} })
        expect(walk.context.forced).toEqual({ by: 'key', reason: 'because', at: walk.at })
        expect(walk.context).toMatchObject({ epoch: epoch + 1, probe: null })
        walk.send({ type: 'release' })
        expect(walk.context.forced).toBeNull()
      }
    },
  )

  it('opens at the fifth consecutive failure', () => {
    const walk = new Walk()
    for (let index = 0; index < 10; index += 1)
      walk.calls('failed', failureThreshold - 1).calls('succeeded', 1)
    expect(walk.state).toBe('closed')
    walk.calls('failed', failureThreshold - 1)
    expect(walk.context).toMatchObject({ failures: 4, openedAt: null })
    walk.calls('failed', 1)
    expect(walk.state).toBe('open')
    expect(walk.context).toMatchObject({ failures: 5, openedAt: start })
  })

  it('stays open for 60 seconds, or for the upstream’s Retry-After up to ten minutes', () => {
    const afterFailure = (afterSeconds: number) => {
      const walk = new Walk().calls('failed', failureThreshold - 1)
      const { epoch } = walk.context
      walk.send({ type: 'failed', permit: 'x', epoch, afterSeconds })
      return walk
    }
    for (const [requestedSeconds, seconds] of [
      [0, 60],
      [30, 60],
      [120, 120],
      [86_400, 600],
    ] as const) {
      expect(afterFailure(requestedSeconds).wait(seconds - 0.001).state).toBe('open')
      expect(afterFailure(requestedSeconds).wait(seconds).state).toBe('halfOpen.ready')
    }
  })

  it('permits another probe when one is lost, and ignores the outcome of the lost one', () => {
    const walk = ready()
    const expired = walk.call(30_000)
    expect(walk.call()).toBeNull()
    walk.wait(29.999)
    expect(walk.call()).toBeNull()
    walk.wait(0.001)
    const next = walk.call()
    expect(next).not.toBeNull()
    for (const type of ['succeeded', 'failed', 'abandoned'] as const)
      expect(expired && walk.send({ type, ...expired })).toBe(false)
    expect(next && walk.send({ type: 'succeeded', ...next })).toBe(true)
    expect(walk.state).toBe('recovering')
  })

  it('ignores the outcomes of calls that were permitted before it opened', () => {
    const walk = new Walk()
    const slow = walk.call()
    walk.calls('failed', failureThreshold).wait(60)
    walk.calls('succeeded', 1)
    expect(slow && walk.send({ type: 'failed', ...slow })).toBe(false)
    expect(slow && walk.send({ type: 'succeeded', ...slow })).toBe(false)
    expect(walk.state).toBe('recovering')
  })

  it('recovers at one, two, four, eight and sixteen calls a second, and closes after as many successes', () => {
    const walk = recovering()
    for (const rate of recoveryRates) {
      for (let index = 0; index < rate; index += 1) {
        expect(walk.state).toBe('recovering')
        const permit = walk.call()
        expect(walk.call()).toBeNull()
        walk.wait(1 / rate)
        if (permit) walk.send({ type: 'succeeded', ...permit })
      }
    }
    expect(walk.state).toBe('closed')
    expect(walk.context).toMatchObject({ failures: 0, openedAt: null })
  })

  it('closes after a minute of recovery without a failure, however few calls there were', () => {
    expect(recovering().wait(59.999).state).toBe('recovering')
    expect(recovering().wait(60).state).toBe('closed')
  })

  it('opens again at the first failure of its recovery, and keeps the time at which it left closed', () => {
    const walk = recovering().calls('failed', 1)
    expect(walk.state).toBe('open')
    expect(walk.context.openedAt).toBe(start)
    expect(walk.wait(60).calls('failed', 1).wait(60).state).toBe('halfOpen.ready')
  })

  it('keeps the time at which it left closed, also when a person forces it open', () => {
    expect(opened().wait(30).force('forceOpen').context.openedAt).toBe(start)
    expect(new Walk().wait(30).force('forceOpen').context.openedAt).toBe(start + 30_000)
    expect(opened().force('forceClosed').context.openedAt).toBeNull()
  })

  it('probes when released from forced open, and is closed without failures when released from forced closed', () => {
    const open = new Walk().force('forceOpen')
    expect(open.wait(86_400).call()).toBeNull()
    open.send({ type: 'release' })
    expect(open.call()).not.toBeNull()
    expect(open.call()).toBeNull()

    const closed = opened().force('forceClosed')
    for (let index = 0; index < 20; index += 1) {
      const permit = closed.call()
      expect(permit && closed.send({ type: 'failed', ...permit })).toBe(false)
    }
    closed.send({ type: 'release' })
    expect(closed.state).toBe('closed')
    expect(closed.context).toMatchObject({ failures: 0, openedAt: null })
  })

  it('reports changes of its externally visible state, not of half-open sub-states', () => {
    const walk = probing()
    expect(walk.breaker.changes).toEqual([])
    walk.send({ type: 'failed', permit: walk.context.probe?.permit ?? '', epoch: walk.context.epoch })
    expect(walk.breaker.changes).toEqual([{ from: 'halfOpen', to: 'open', event: 'failed' }])
  })

  it('keeps a probe in its context only while the probe is running', () => {
    for (const walk of [probing().wait(30), opened(), recovering()]) expect(walk.context.probe).toBeNull()
    expect(probing().context.probe).not.toBeNull()
  })

  it('starts as a breaker without a row does', () => {
    expect(initialBreaker).toMatchObject({ machine: 'breaker', state: 'closed', tag: 'resting', timers: {} })
  })
})

type Act =
  | { readonly kind: 'call' }
  | { readonly kind: 'outcome'; readonly which: number; readonly type: 'succeeded' | 'failed' | 'abandoned' }
  | { readonly kind: 'wait'; readonly seconds: number }
  | { readonly kind: 'force'; readonly type: 'forceOpen' | 'forceClosed' | 'release' }

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ kind: 'call' } as const) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('outcome' as const),
      which: fc.nat(30),
      type: fc.constantFrom('succeeded', 'failed', 'failed', 'abandoned'),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      seconds: fc.oneof(fc.double({ min: 0, max: 2, noNaN: true }), fc.constantFrom(10, 30, 60)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('force' as const),
      type: fc.constantFrom('forceOpen', 'forceClosed', 'release'),
    }),
  },
)

describe('a breaker under random events', () => {
  it('permits one probe at a time, no call while open, and no more calls than the recovery rate', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(fc.array(act, { minLength: 20, maxLength: 200 }), (acts) => {
        const walk = new Walk()
        const timeoutMs = 20_000
        const out: { readonly permit: string; readonly epoch: number }[] = []
        let probe: { readonly permit: string; readonly until: number } | null = null
        let previousCall: { readonly at: number; readonly rate: number; readonly epoch: number } | null = null
        for (const each of acts) {
          seen.add(walk.state)
          if (each.kind === 'wait') walk.wait(each.seconds)
          else if (each.kind === 'force') {
            if (each.type === 'release') walk.send({ type: 'release' })
            else walk.force(each.type)
            probe = null
          } else if (each.kind === 'outcome') {
            const [permit] = out.splice(each.which % Math.max(1, out.length), 1)
            if (permit) walk.send({ type: each.type, ...permit })
            if (permit && permit.permit === probe?.permit) probe = null
          } else {
            const { state, context } = walk
            const permit = walk.call(timeoutMs)
            if (!permit) continue
            out.push(permit)
            expect(['open', 'forcedOpen', 'halfOpen.probing']).not.toContain(state)
            if (publicStateOf(state) === 'halfOpen') {
              expect(probe === null || probe.until <= walk.at).toBe(true)
              probe = { permit: permit.permit, until: walk.at + timeoutMs }
            }
            if (state === 'recovering') {
              const rate = recoveryRates[context.rateIndex] ?? Number.NaN
              if (previousCall && previousCall.epoch === context.epoch)
                expect(walk.at - previousCall.at).toBeGreaterThanOrEqual(1_000 / previousCall.rate)
              previousCall = { at: walk.at, rate, epoch: context.epoch }
            }
          }
        }
      }),
      { numRuns: 500 },
    )
    expect([...seen].sort()).toEqual([...leafPaths(breakerMachine)].sort())
  })
})

describe('the retry budget', () => {
  const spendAll = (at: number): RetryBudget => {
    let budget = fullBudget
    for (;;) {
      const spending = spendRetry(budget, at)
      if (spending.kind === 'empty') return budget
      budget = spending.budget
    }
  }

  it('allows a hundred retries at once, then one every five seconds', () => {
    expect(retriesLeft(fullBudget, start)).toBe(100)
    const empty = spendAll(start)
    expect(retriesLeft(empty, start)).toBe(0)
    expect(spendRetry(empty, start)).toEqual({ kind: 'empty', afterMs: 5_000 })
    expect(spendRetry(empty, start + 5_000)).toMatchObject({ kind: 'spent' })
    expect(retriesLeft(empty, start + 500_000)).toBe(100)
  })

  it('gains a fifth of a retry with each success, and the cost of the retry with a successful retry', () => {
    const empty = spendAll(start)
    expect(creditSuccess(empty, start, false).units).toBe(1)
    expect(creditSuccess(empty, start, true).units).toBe(6)
    expect(refundRetry(empty, start).units).toBe(5)
  })

  it('is unchanged while full, and stays between zero and its maximum', () => {
    expect(creditSuccess(fullBudget, start, true)).toBe(fullBudget)
    const acts = fc.array(fc.tuple(fc.constantFrom('spend', 'credit', 'refund', 'back'), fc.nat(100_000)))
    fc.assert(
      fc.property(acts, (all) => {
        let budget = fullBudget
        let at = start
        for (const [kind, ms] of all) {
          at += kind === 'back' ? -ms : ms
          const spending = spendRetry(budget, at)
          if (kind === 'spend' && spending.kind === 'spent') budget = spending.budget
          if (kind === 'credit') budget = creditSuccess(budget, at, ms % 2 === 0)
          if (kind === 'refund') budget = refundRetry(budget, at)
          expect(budget.units).toBeGreaterThanOrEqual(0)
          expect(budget.units).toBeLessThanOrEqual(maxUnits)
        }
      }),
    )
  })

  it('bounds the retries of a storm by its size, its refill and a fifth of the successes', () => {
    let budget = fullBudget
    let retries = 0
    let successes = 0
    for (let second = 0; second < 600; second += 1) {
      const at = start + second * 1_000
      // Twenty first attempts a second, half of them successful; all other calls are retries.
      for (let index = 0; index < 10; index += 1) budget = creditSuccess(budget, at, false)
      successes += 10
      for (let index = 0; index < 50; index += 1) {
        const spending = spendRetry(budget, at)
        if (spending.kind === 'spent') {
          budget = spending.budget
          retries += 1
        }
      }
    }
    expect(retries).toBeLessThanOrEqual(100 + 600 / 5 + successes / 5)
    expect(retries).toBeGreaterThan(1_000)
  })
})
