import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type ChunkPlan,
  chunkRange,
  nextChunk,
  planChunks,
} from '../../../../src/providers/tiktok/post/chunk-plan.ts'
import { chunkPlanError } from '../../../../src/simulator/post/chunk-check.ts'

function planned(size: number): ChunkPlan {
  const plan = planChunks(size)
  if (plan.kind === 'refused') throw new RangeError(`${size} bytes`)
  return plan
}

describe('a chunk plan', () => {
  test.each([
    [3_145_728, 3_145_728, 1, [0, 3_145_727]],
    [4_194_304, 4_194_304, 1, [0, 4_194_303]],
    [30_567_100, 30_567_100, 1, [0, 30_567_099]],
    [64_000_000, 64_000_000, 1, [0, 63_999_999]],
    [64_000_001, 10_000_000, 6, [50_000_000, 64_000_000]],
    [66_259_900, 10_000_000, 6, [50_000_000, 66_259_899]],
    [121_000_000, 10_000_000, 12, [110_000_000, 120_999_999]],
    [602_285_541, 10_000_000, 60, [590_000_000, 602_285_540]],
    [4_000_000_000, 10_000_000, 400, [3_990_000_000, 3_999_999_999]],
  ])('for %d bytes has chunks of %d bytes, %d of them', (size, chunkSize, count, [first, last]) => {
    const plan = planned(size)
    expect(plan).toEqual({ kind: 'planned', chunkSize, count })
    expect(chunkRange(plan, size, count - 1)).toEqual({ first, last })
  })

  test('for 50,000,123 bytes in chunks of 10 MB has the ranges of TikTok’s own example', () => {
    const plan: ChunkPlan = { kind: 'planned', chunkSize: 10_000_000, count: 5 }
    const ranges = [0, 1, 2, 3, 4].map((index) => chunkRange(plan, 50_000_123, index))
    expect(ranges.map(({ first, last }) => `${first}-${last}`)).toEqual([
      '0-9999999',
      '10000000-19999999',
      '20000000-29999999',
      '30000000-39999999',
      '40000000-50000122',
    ])
  })

  test.each([0, -1, 1.5, Number.NaN, 4_000_000_001])('is refused for %d bytes', (size) => {
    expect(planChunks(size).kind).toBe('refused')
  })

  test('covers every byte once, in order, and passes the simulator’s check, for any size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4_000_000_000 }), (size) => {
        const plan = planned(size)
        let next = 0
        for (let index = 0; index < plan.count; index += 1) {
          const { first, last } = chunkRange(plan, size, index)
          expect(first).toBe(next)
          next = last + 1
        }
        expect(next).toBe(size)
        const declared = { size, chunk: plan.chunkSize, count: plan.count }
        expect(chunkPlanError(declared, 64_000_000)).toBeUndefined()
      }),
      { numRuns: 200 },
    )
  })

  test('throws RangeError for a chunk beyond its count', () => {
    expect(() => chunkRange(planned(70_000_000), 70_000_000, 7)).toThrow(RangeError)
  })
})

describe('the next chunk', () => {
  const size = 66_259_900
  const plan = planned(size)

  test.each([
    [0, { kind: 'chunk', index: 0 }],
    [10_000_000, { kind: 'chunk', index: 1 }],
    [9_999_999, { kind: 'chunk', index: 1 }],
    [50_000_000, { kind: 'chunk', index: 5 }],
    [size, { kind: 'complete' }],
    [size - 1, { kind: 'complete' }],
    [60_000_000, { kind: 'betweenChunks' }],
    [12_345_678, { kind: 'betweenChunks' }],
  ])('after %d uploaded bytes, as a count or a last index, is %o', (uploadedBytes, expected) => {
    expect(nextChunk(plan, size, uploadedBytes)).toEqual(expected)
  })
})
