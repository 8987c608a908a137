import { describe, expect, test } from 'vitest'
import { call, postVideo } from './raw-request.ts'
import { type Pair, startPair, tokenOf } from './support.ts'

const scoped = (pair: Pair, ...scopes: string[]) => ({
  ...pair,
  token: tokenOf(pair.local, 'ann', scopes),
})

describe('user info', () => {
  test('has only the requested fields', async () => {
    const pair = await startPair()
    await postVideo(pair)
    const all = scoped(pair, 'user.info.basic', 'user.info.profile', 'user.info.stats')
    const { data } = await call(all, '/v2/user/info/?fields=open_id,display_name,username,video_count')
    const { openId } = pair.local.accounts()[0] ?? {}
    expect(data.user).toEqual({ open_id: openId, display_name: 'Ann', username: 'ann', video_count: 1 })
  })

  test('fails for a field without scope, or omits it, as the setting says', async () => {
    const pair = await startPair()
    const fetchUser = () => call(pair, '/v2/user/info/?fields=display_name,username')
    expect(await fetchUser()).toMatchObject({ status: 401, code: 'scope_not_authorized', data: {} })
    pair.local.changeSettings({ uncoveredFields: 'scope_permission_missed' })
    expect(await fetchUser()).toMatchObject({ status: 400, code: 'scope_permission_missed' })
    pair.local.changeSettings({ uncoveredFields: 'omit' })
    expect((await fetchUser()).data.user).toEqual({ display_name: 'Ann' })
  })

  test('requires known fields, a scope and the method GET', async () => {
    const pair = await startPair()
    expect(await call(pair, '/v2/user/info/')).toMatchObject({ status: 400, code: 'invalid_params' })
    expect(await call(pair, '/v2/user/info/?fields=shoe_size')).toMatchObject({ code: 'invalid_params' })
    const publishing = scoped(pair, 'video.publish')
    expect(await call(publishing, '/v2/user/info/?fields=open_id')).toMatchObject({
      status: 401,
      code: 'scope_not_authorized',
    })
    expect((await fetch(`${pair.local.url}/v2/user/info/?fields=open_id`, { method: 'POST' })).status).toBe(
      405,
    )
  })
})

describe('a video query', () => {
  const path = '/v2/video/query/?fields=id,title,create_time'
  const query = (pair: Pair, ids: readonly unknown[]) => call(pair, path, { filters: { video_ids: ids } })

  test('finds the account’s own public videos by id', async () => {
    const pair = await startPair()
    await postVideo(pair, { title: 'mine', privacy_level: 'SELF_ONLY' })
    await postVideo(pair, { title: 'open' })
    pair.local.createAccount({ username: 'ben' })
    await postVideo({ ...pair, token: tokenOf(pair.local, 'ben') }, { title: 'of ben' })
    const ids = pair.local.posts().flatMap(({ postIds }) => postIds)
    expect(ids).toHaveLength(2)

    const { data } = await query(pair, [...ids, '7312345678901234567'])
    expect(data.videos).toEqual([{ id: ids[0], title: 'open', create_time: expect.any(Number) }])
  })

  test('accepts up to 20 string ids, with the fields in the query', async () => {
    const pair = await startPair()
    expect(await query(pair, Array(20).fill('1'))).toMatchObject({ code: 'ok', data: { videos: [] } })
    expect(await query(pair, Array(21).fill('1'))).toMatchObject({ status: 400, code: 'invalid_params' })
    expect(await query(pair, [1])).toMatchObject({ code: 'invalid_params' })
    const body = { fields: 'id', filters: { video_ids: ['1'] } }
    expect(await call(pair, '/v2/video/query/', body)).toMatchObject({ code: 'invalid_params' })
    expect(await call(pair, '/v2/video/list/', { fields: 'id' })).toMatchObject({ code: 'invalid_params' })
    expect(await call(pair, '/v2/video/list/?fields=shoes', {})).toMatchObject({ code: 'invalid_params' })
    const blind = scoped(pair, 'user.info.basic')
    expect(await call(blind, path, body)).toMatchObject({ status: 401, code: 'scope_not_authorized' })
  })
})

test('the video list pages through videos of the same time without losing any', async () => {
  const pair = await startPair()
  await postVideo(pair, { title: '[[local:two_ids]]' })
  const ids = pair.local.posts().flatMap(({ postIds }) => postIds)
  const page = async (cursor?: unknown) =>
    (await call(pair, '/v2/video/list/?fields=id', { max_count: 1, ...(cursor !== undefined && { cursor }) }))
      .data
  const first = await page()
  const second = await page(first.cursor)
  expect([first.has_more, second.has_more]).toEqual([true, false])
  expect([first.videos, second.videos]).toEqual(ids.map((id) => [{ id }]))
})
