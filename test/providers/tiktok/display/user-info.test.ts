import { expect, test } from 'vitest'
import { userFieldsOf } from '../../../../src/providers/tiktok/display/user-info.ts'
import { answering, clientOf, token } from '../support.ts'

test('only the fields that the granted scopes open are worth asking for', () => {
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

test('a field that TikTok leaves out, or spoils, is left out, and the rest stays', async () => {
  const user = { open_id: '-000', display_name: null, follower_count: 'many', bio_description: '' }
  const client = await clientOf(answering(200, { data: { user }, error: { code: 'ok' } }))
  const answer = await client.userInfo(token, ['openId', 'displayName', 'followerCount', 'bioDescription'])
  expect(answer).toEqual({ kind: 'ok', user: { openId: '-000', bioDescription: '' } })
})
