import fc from 'fast-check'
import { expect, it } from 'vitest'
import { timelineOf } from '../../src/storyboard/timeline.ts'

const scenes = (seconds: readonly number[]) =>
  seconds.map((seconds, index) => ({ id: `${index}`, seconds, text: 'x' }))

it('a timeline rounds the sum of the scenes and not each scene: 30 scenes of 31.5 frames', () => {
  const { spans, frames } = timelineOf({ fps: 30, scenes: scenes(Array(30).fill(1.05)) })
  expect(frames).toBe(945)
  expect(new Set(spans.map((span) => span.frames))).toEqual(new Set([31, 32]))
})

it('a timeline has no gaps or overlaps and never drifts by more than half a frame', () => {
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
