import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { WindowRequest } from '../../src/rate-limit/limiter.ts'
import { MemoryWindows } from '../../src/rate-limit/memory/windows.ts'
import {
  earliestReservation,
  graceOf,
  type SlidingWindow,
  withReservation,
} from '../../src/rate-limit/sliding-window.ts'

const organizationId = 'one'
const windows: readonly SlidingWindow[] = [
  { maxCalls: 1, windowMs: 300, marginMs: 100 },
  { maxCalls: 3, windowMs: 1_000, marginMs: 100 },
  { maxCalls: 20, windowMs: 1_500, marginMs: 250 },
]
const windowRequestOf = (index: number): WindowRequest => ({
  key: `window ${index}`,
  scope: 'organization',
  window: windows[index] ?? { maxCalls: 1, windowMs: 300, marginMs: 100 },
})

it('a sliding window finds the same first free instant as a search of every instant', () => {
  const situation = fc.record({
    maxCalls: fc.integer({ min: 1, max: 4 }),
    windowMs: fc.integer({ min: 10, max: 20 }),
    reservations: fc.array(fc.nat(60), { maxLength: 14 }),
    from: fc.nat(70),
  })
  fc.assert(
    fc.property(situation, ({ maxCalls, windowMs, reservations, from }) => {
      const window = { maxCalls, windowMs, marginMs: 10 }
      const log = reservations.reduce<ReturnType<typeof withReservation>>(
        (kept, at) => withReservation(kept, at, 1),
        [],
      )
      const fits = (at: number) => {
        const all = [...reservations, at].sort((a, b) => a - b)
        return all.every((first, index) => {
          const last = all[index + maxCalls]
          return last === undefined || first > at || last < at || last - first >= windowMs + 10
        })
      }
      let expected = from
      while (!fits(expected)) expected += 1
      expect(earliestReservation(log, window, from)).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})

/** Requesters of some windows, with how late each claims its reservation and how late it then uses the grant. */
const requesters = fc.array(
  fc.record({
    requestedAt: fc.nat(3_000),
    windows: fc.uniqueArray(fc.nat(2), { minLength: 1, maxLength: 3 }),
    /** A fraction of the grace; above 1 the reservation is never claimed. */
    lateness: fc.double({ min: 0, max: 1.2, noNaN: true }),
    /** A fraction of the time in which the grant can be used. */
    use: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 80 },
)

it('a sliding window never exceeds its limit, however late reservations are claimed and used', () => {
  fc.assert(
    fc.property(requesters, (requests) => {
      const memory = new MemoryWindows()
      const uses = new Map<string, number[]>()
      const queue = requests.map((one, index) => ({
        ...one,
        at: one.requestedAt,
        requester: `${index}`,
        reservedAt: -1,
      }))
      while (queue.length > 0) {
        queue.sort((a, b) => a.at - b.at)
        const one = queue.shift()
        if (!one) break
        const windowRequests = one.windows.map(windowRequestOf)
        const decision = memory.acquire({ organizationId, requester: one.requester, windowRequests }, one.at)
        if (decision.kind === 'granted') {
          const usedAt = one.at + Math.floor((decision.useBefore - one.at) * one.use)
          for (const { key } of windowRequests) uses.set(key, [...(uses.get(key) ?? []), usedAt])
          continue
        }
        // A reservation that is claimed within its grace is granted.
        if (one.reservedAt >= 0) throw new Error('a reservation was not granted')
        const grace = Math.min(...windowRequests.map(({ window }) => graceOf(window)))
        if (one.lateness <= 1)
          queue.push({ ...one, reservedAt: decision.at, at: decision.at + Math.floor(grace * one.lateness) })
      }
      windows.forEach(({ maxCalls, windowMs }, index) => {
        const used = (uses.get(`window ${index}`) ?? []).sort((a, b) => a - b)
        used.forEach((first, position) => {
          const last = used[position + maxCalls]
          if (last !== undefined) expect(last - first).toBeGreaterThanOrEqual(windowMs)
        })
      })
    }),
    { numRuns: 500 },
  )
})

it('a sliding window reserves in the order of requests and repeats the answer to a requester that asks again', () => {
  // All requests come before the first reservation is due, so none lapses.
  const requests = fc.array(fc.nat(5), { minLength: 2, maxLength: 60 })
  fc.assert(
    fc.property(requests, fc.nat(2), (pauses, index) => {
      const memory = new MemoryWindows()
      const windowRequests = [windowRequestOf(index)]
      let now = 10_000
      let before = 0
      for (const [position, pause] of pauses.entries()) {
        now += pause
        const decision = memory.acquire({ organizationId, requester: `${position}`, windowRequests }, now)
        if (decision.kind === 'granted') {
          expect(before).toBe(0)
          continue
        }
        expect(memory.acquire({ organizationId, requester: `${position}`, windowRequests }, now)).toEqual(
          decision,
        )
        expect(decision.at).toBeGreaterThanOrEqual(before)
        before = decision.at
      }
    }),
  )
})
