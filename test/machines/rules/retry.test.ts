import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  backoffMs,
  initialBackoffSeconds,
  isRetryableStatus,
  maxBackoffSeconds,
  maxJitter,
  maxRetryAfterSeconds,
  waitMs,
} from '../../../machines/rules/retry.ts'

const seed = fc.uuid()
const attempt = fc.integer({ min: 1, max: 1_000 })
const retryAfterSeconds = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0 }))
const failure = { verdict: 'RETRY_AFTER', code: 'x', message: 'x' } as const

/** 1 s, 2 s, 4 s … 60 s. */
const exponentialMs = (of: number) =>
  Math.min(maxBackoffSeconds, initialBackoffSeconds * 2 ** (of - 1)) * 1_000

describe('a retryable status', () => {
  it.each([408, 429, 500, 502, 503, 504, 520, 599])('includes %i', (status) => {
    expect(isRetryableStatus(status)).toBe(true)
  })

  it.each([200, 206, 301, 400, 401, 403, 404, 409, 410, 416, 422])('excludes %i', (status) => {
    expect(isRetryableStatus(status)).toBe(false)
  })
})

describe('a back-off', () => {
  it('doubles from a second to a minute, and lasts 50 to 100 % of that', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(exponentialMs)).toEqual(
      [1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1_000),
    )
    fc.assert(
      fc.property(seed, attempt, (job, of) => {
        expect(backoffMs(job, of)).toBeGreaterThanOrEqual(exponentialMs(of) / 2)
        expect(backoffMs(job, of)).toBeLessThanOrEqual(exponentialMs(of))
      }),
    )
  })

  it('never ends before the upstream’s Retry-After, capped at a day, nor much later', () => {
    fc.assert(
      fc.property(seed, attempt, retryAfterSeconds, (job, of, afterSeconds) => {
        const heeded = Math.min(afterSeconds, maxRetryAfterSeconds) * 1_000
        const wait = backoffMs(job, of, afterSeconds)
        expect(wait).toBeGreaterThanOrEqual(Math.max(heeded, exponentialMs(of) / 2))
        expect(wait).toBeLessThanOrEqual(Math.max(Math.ceil(heeded * (1 + maxJitter)), exponentialMs(of)))
      }),
    )
  })

  it('is deterministic', () => {
    fc.assert(
      fc.property(seed, attempt, retryAfterSeconds, (job, of, afterSeconds) => {
        expect(backoffMs(job, of, afterSeconds)).toBe(backoffMs(job, of, afterSeconds))
      }),
    )
  })

  it('spreads jobs evenly over the jitter range, independently at every attempt', () => {
    const jobs = Array.from({ length: 2_000 }, (_, index) => `0198f7c2-0000-7000-8000-${index + 1e11}`)
    const jitterOf = (of: number) =>
      jobs.map((job) => (2 * backoffMs(job, of)) / exponentialMs(of) - 1).map((jitter) => jitter - 0.5)
    const [seventh, eighth] = [jitterOf(7), jitterOf(8)]
    // About a tenth of the jobs in each tenth, and no correlation between consecutive attempts.
    for (let tenth = 0; tenth < 10; tenth += 1) {
      const inIt = seventh.filter((jitter) => Math.min(9, Math.floor((jitter + 0.5) * 10)) === tenth)
      expect(inIt.length).toBeGreaterThan(120)
      expect(inIt.length).toBeLessThan(280)
    }
    const together = seventh.reduce((sum, jitter, index) => sum + jitter * (eighth[index] ?? 0), 0)
    expect(Math.abs(together / jobs.length) * 12).toBeLessThan(0.15)
  })
})

describe('a machine', () => {
  it('waits exactly as long as a deferral says, and backs off after every other error', () => {
    fc.assert(
      fc.property(
        seed,
        attempt,
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        (job, attempts, afterSeconds) => {
          const context = { attempts, afterSeconds }
          const deferred = { error: { kind: 'deferred', failure, afterSeconds } }
          expect(waitMs(job, context, deferred)).toBe(Math.ceil(afterSeconds * 1_000))
          for (const event of [{ error: { kind: 'retry', failure } }, { output: { kind: 'rejected' } }])
            expect(waitMs(job, context, event)).toBe(backoffMs(job, attempts, afterSeconds))
        },
      ),
    )
  })
})
