import { describe, expect, test } from 'vitest'
import { type MediaFacts, mediaViolations } from '../../../../src/providers/tiktok/post/media-violation.ts'

const good: MediaFacts = {
  container: 'mp4',
  videoCodec: 'h264',
  audioCodec: 'aac',
  width: 1080,
  height: 1920,
  framesPerSecond: 30,
  seconds: 21,
  bytes: 12_345_678,
}

describe('a media file', () => {
  test.each<Partial<MediaFacts>>([
    {},
    { container: 'video/mp4', videoCodec: 'avc' },
    { container: 'video/quicktime', videoCodec: 'hevc' },
    { container: 'WebM', videoCodec: 'vp8' },
    { videoCodec: 'vp9', audioCodec: null },
    { width: 360, height: 4096 },
    { framesPerSecond: 23 },
    { framesPerSecond: 60 },
    { framesPerSecond: 60.003 },
    { seconds: 600 },
    { bytes: 4_000_000_000 },
  ])('with %j breaks no rule', (facts) => {
    expect(mediaViolations({ ...good, ...facts })).toEqual([])
  })

  test.each<[Partial<MediaFacts>, string, unknown, string]>([
    [{ container: 'video/x-matroska' }, 'container', ['mp4', 'mov', 'webm'], 'file_format_check_failed'],
    [{ videoCodec: 'av1' }, 'videoCodec', ['h264', 'h265', 'vp8', 'vp9'], 'file_format_check_failed'],
    [{ videoCodec: null }, 'videoCodec', ['h264', 'h265', 'vp8', 'vp9'], 'file_format_check_failed'],
    [{ width: 359 }, 'width', 360, 'picture_size_check_failed'],
    [{ height: 4097 }, 'height', 4096, 'picture_size_check_failed'],
    [{ framesPerSecond: 22.9 }, 'frameRate', 23, 'frame_rate_check_failed'],
    [{ framesPerSecond: 60.02 }, 'frameRate', 60, 'frame_rate_check_failed'],
    [{ framesPerSecond: Number.NaN }, 'frameRate', 60, 'frame_rate_check_failed'],
    [{ seconds: 600.5 }, 'duration', 600, 'duration_check_failed'],
    [{ bytes: 4_000_000_001 }, 'bytes', 4_000_000_000, 'invalid_params'],
    [{ bytes: 0 }, 'bytes', 1, 'invalid_params'],
  ])('with %j breaks the rule for %s', (facts, rule, limit, failReason) => {
    const [value] = Object.values(facts)
    expect(mediaViolations({ ...good, ...facts })).toEqual([{ rule, value, limit, failReason }])
  })

  test('may be as long as the creator’s limit', () => {
    expect(mediaViolations({ ...good, seconds: 3600 }, { maxDurationSeconds: 3600 })).toEqual([])
    expect(mediaViolations({ ...good, seconds: 60.5 }, { maxDurationSeconds: 60 })).toMatchObject([
      { rule: 'duration', value: 60.5, limit: 60 },
    ])
  })

  test('that breaks several rules has a violation for each', () => {
    const bad = { ...good, container: 'avi', width: 100, height: 100, framesPerSecond: 5 }
    expect(mediaViolations(bad).map(({ rule }) => rule)).toEqual([
      'container',
      'width',
      'height',
      'frameRate',
    ])
  })
})
