import { expect, test } from 'vitest'
import { userFieldsOf } from '../../../../src/providers/tiktok/display/user-info.ts'
import { answerWith, clientOf, token } from '../support.ts'

test('userFieldsOf lists the fields that the granted scopes permit', () => {
  expect(userFieldsOf(['user.info.basic', 'video.publish'])).toEqual([
    'openId',
    'unionId',
    'avatarUrl',
    'displayName',
  ])
  expect(userFieldsOf(['user.info.profile', 'user.info.stats'])).toEqual([
    'bioDescription',
    'profileDeepLink',
    'isVerified',
    'username',
    'followerCount',
    'followingCount',
    'likesCount',
    'videoCount',
  ])
  expect(userFieldsOf(['video.list'])).toEqual([])
})

test('userInfo omits a field that TikTok omits or sends with another type, and keeps the rest', async () => {
  const user = { open_id: '-000', display_name: null, follower_count: 'many', bio_description: '' }
  const client = await clientOf(answerWith(200, { data: { user }, error: { code: 'ok' } }))
  const answer = await client.userInfo(token, ['openId', 'displayName', 'followerCount', 'bioDescription'])
  expect(answer).toEqual({ kind: 'ok', user: { openId: '-000', bioDescription: '' } })
})
