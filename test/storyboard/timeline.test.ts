import fc from 'fast-check'
import { expect, it } from 'vitest'
import { timelineOf } from '../../src/storyboard/timeline.ts'

const scenes = (seconds: readonly number[]) =>
  seconds.map((seconds, index) => ({ id: `${index}`, seconds, text: 'x' }))

it('gives thirty scenes of 31.5 frames each the frames of their sum, not of their rounded parts', () => {
  const { spans, frames } = timelineOf({ fps: 30, scenes: scenes(Array(30).fill(1.05)) })
  expect(frames).toBe(945)
  expect(new Set(spans.map((span) => span.frames))).toEqual(new Set([31, 32]))
})

it('leaves no gap and no overlap, and never drifts by more than half a frame', () => {
  const anySeconds = fc.array(fc.double({ min: 0.5, max: 60, noNaN: true }), { minLength: 1, maxLength: 60 })
  fc.assert(
    fc.property(anySeconds, (seconds) => {
      let expectedStart = 0
      let time = 0
      for (const [index, span] of timelineOf({ fps: 30, scenes: scenes(seconds) }).spans.entries()) {
        expect(span.startFrame).toBe(expectedStart)
        expect(span.frames).toBeGreaterThan(0)
        expectedStart += span.frames
        time += seconds[index] ?? 0
        expect(Math.abs(expectedStart - time * 30)).toBeLessThanOrEqual(0.5 + 1e-6)
      }
    }),
  )
})
