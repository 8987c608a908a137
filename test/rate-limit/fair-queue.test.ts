import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MemoryWindows } from '../../src/rate-limit/memory/windows.ts'
import { spanOf } from '../../src/rate-limit/sliding-window.ts'

const window = { maxCalls: 6, windowMs: 6_000, marginMs: 600 }
const windowRequests = [{ key: 'shared', scope: 'app' as const, window }]
/** Divisible by the rounding of the window, so that instants are exact. */
const start = 6_000_000

/** A window that organizations share. */
function sharedWindow() {
  const memory = new MemoryWindows()
  return (organizationId: string, requester: string, now = start) =>
    memory.acquire({ organizationId, requester, windowRequests }, now)
}

it('a fair queue grants the only call of one organization before the second of another that has queued a thousand', () => {
  const acquire = sharedWindow()
  for (let job = 0; job < 1_000; job += 1) acquire('flooder', `job ${job}`)
  const single = acquire('other', 'job')
  expect(single).toMatchObject({ kind: 'deferred', at: start + spanOf(window) })
  expect(acquire('other', 'job', start + spanOf(window)).kind).toBe('granted')
})

it('a fair queue grants a newcomer within two spans, however many organizations have queued calls', () => {
  const acquire = sharedWindow()
  for (let job = 0; job < 100; job += 1)
    for (const name of ['a', 'b', 'c', 'd', 'e']) acquire(name, `job ${job}`)
  for (const name of ['f', 'g', 'h', 'i', 'j']) {
    const decision = acquire(name, 'job')
    expect(decision.kind === 'deferred' && decision.at).toBeLessThanOrEqual(start + 2 * spanOf(window))
  }
})

it('a fair queue shares a window evenly among organizations that queue calls, whichever came first', () => {
  const acquire = sharedWindow()
  for (const name of ['a', 'b', 'c']) for (let job = 0; job < 40; job += 1) acquire(name, `job ${job}`)
  const names = ['a', 'b', 'c'] as const
  const reservedTimes = names.map((name) => {
    const decisions = Array.from({ length: 40 }, (_, job) => acquire(name, `job ${job}`))
    return decisions.map((decision) => (decision.kind === 'deferred' ? decision.at : start))
  })
  // `a` had the window to itself at first. From the first refill on, each refill of six is two calls for each of them.
  for (let refill = 1; refill <= 10; refill += 1) {
    const at = start + refill * spanOf(window)
    expect(reservedTimes.map((times) => times.filter((time) => time === at).length)).toEqual([2, 2, 2])
  }
})

it('a fair queue keeps the order within an organization and never moves a reservation to an earlier instant', () => {
  const calls = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.nat(40)), { maxLength: 80 })
  fc.assert(
    fc.property(calls, (requests) => {
      const acquire = sharedWindow()
      const reservedAt = new Map<string, number>()
      requests.forEach(([name], index) => {
        const decision = acquire(name, `job ${String(index).padStart(3, '0')}`)
        if (decision.kind === 'deferred')
          reservedAt.set(`${name} job ${String(index).padStart(3, '0')}`, decision.at)
      })
      const now = new Map(
        [...reservedAt.keys()].map((who) => {
          const [name = '', ...requester] = who.split(' ')
          const repeated = acquire(name, requester.join(' '))
          return [who, repeated.kind === 'deferred' ? repeated.at : Number.NaN]
        }),
      )
      for (const [who, at] of now) expect(at).toBeGreaterThanOrEqual(reservedAt.get(who) ?? 0)
      for (const name of ['a', 'b', 'c', 'd']) {
        const times = [...now].filter(([who]) => who.startsWith(name)).map(([, at]) => at)
        expect(times).toEqual(times.toSorted((a, b) => a - b))
      }
      // No refill grants more than its limit.
      const refills = Map.groupBy(now.values(), (at) => at)
      for (const granted of refills.values()) expect(granted.length).toBeLessThanOrEqual(window.maxCalls)
    }),
  )
})
