import { expect, test } from 'vitest'
import { captionFits, maxCaptionLength, postViolations } from '../../../machines/rules/post-violation.ts'
import type { CreatorInfo } from '../../../src/providers/tiktok/post/creator-info.ts'
import { wantedPost } from '../../simulator/support.ts'

const creator: CreatorInfo = {
  username: 'ann',
  nickname: 'Ann',
  privacyLevelOptions: ['PUBLIC_TO_EVERYONE', 'SELF_ONLY'],
  commentDisabled: false,
  duetDisabled: false,
  stitchDisabled: false,
  maxDurationSeconds: 60,
}

const { post } = wantedPost(1)

test('a caption is measured in UTF-16 code units', () => {
  expect('👍🏽'.length).toBe(4)
  expect(captionFits('👍🏽'.repeat(maxCaptionLength / 4))).toBe(true)
  expect(captionFits(`${'👍🏽'.repeat(maxCaptionLength / 4)}.`)).toBe(false)
})

test('a post within the creator’s settings breaks no rule, up to the last second', () => {
  expect(postViolations(creator, { post, durationSeconds: 60 })).toEqual([])
})

test('each broken rule is reported with the planned and the allowed value', () => {
  const strict = { ...creator, commentDisabled: true, duetDisabled: true, stitchDisabled: true }
  const wanted = {
    ...post,
    title: 'x'.repeat(2201),
    privacyLevel: 'FOLLOWER_OF_CREATOR',
    disableStitch: true,
  } as const
  expect(postViolations(strict, { post: wanted, durationSeconds: 60.5 })).toEqual([
    { rule: 'caption', value: 2201, limit: 2200 },
    { rule: 'duration', value: 60.5, limit: 60 },
    { rule: 'privacyLevel', value: 'FOLLOWER_OF_CREATOR', limit: ['PUBLIC_TO_EVERYONE', 'SELF_ONLY'] },
    { rule: 'comment', value: 'enabled', limit: 'disabled' },
    { rule: 'duet', value: 'enabled', limit: 'disabled' },
  ])
})

test('branded content must not be private', () => {
  const branded = { ...post, brandContent: true, privacyLevel: 'SELF_ONLY' } as const
  expect(postViolations(creator, { post: branded, durationSeconds: 5 })).toEqual([
    { rule: 'brandedPrivate', value: 'SELF_ONLY', limit: 'visible' },
  ])
})

test('a privacy level has no default', () => {
  const undecided = { ...post, privacyLevel: null }
  expect(postViolations(creator, { post: undecided, durationSeconds: 5 })).toEqual([
    { rule: 'privacyMissing', value: 'none', limit: ['PUBLIC_TO_EVERYONE', 'SELF_ONLY'] },
  ])
})
