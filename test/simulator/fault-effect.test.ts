import { describe, expect, test } from 'vitest'
import { endpoints } from '../../src/simulator/endpoint.ts'
import { call, oauth, oneChunk, putWhole } from './raw-request.ts'
import { type Pair, startPair, tokenOf } from './support.ts'

const creatorInfo = '/v2/post/publish/creator_info/query/'

/** Sends one request to an endpoint of the simulator. */
async function visit({ local, token }: Pair, endpoint: string): Promise<Response> {
  const paths: Readonly<Record<string, string>> = {
    creatorInfo: 'post/publish/creator_info/query',
    videoInit: 'post/publish/video/init',
    inboxInit: 'post/publish/inbox/video/init',
    photoInit: 'post/publish/content/init',
    statusFetch: 'post/publish/status/fetch',
    cancel: 'post/publish/cancel',
    userInfo: 'user/info',
    videoList: 'video/list',
    videoQuery: 'video/query',
    authorize: 'auth/authorize',
    token: 'oauth/token',
    revoke: 'oauth/revoke',
  }
  const url = endpoint === 'upload' ? `${local.url}/video/` : `${local.url}/v2/${paths[endpoint]}/`
  const method =
    endpoint === 'upload' ? 'PUT' : endpoint === 'userInfo' || endpoint === 'authorize' ? 'GET' : 'POST'
  return await fetch(url, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${token.reveal()}` },
    ...(method !== 'GET' && { body: '{}' }),
  })
}

describe.each(endpoints.filter((endpoint) => endpoint !== 'webhook'))('the endpoint %s', (endpoint) => {
  test('supports every fault effect', async () => {
    const pair = await startPair()
    const { local } = pair
    const inject = (effect: Parameters<typeof local.injectFault>[0]['effect']) =>
      local.injectFault({ endpoint, nth: 1, effect })

    inject({ kind: 'status', status: 503, retryAfterSeconds: 9 })
    const staged = await visit(pair, endpoint)
    expect([staged.status, staged.headers.get('retry-after')]).toEqual([503, '9'])
    inject({ kind: 'redirect' })
    const moved = await visit(pair, endpoint)
    expect([moved.status, moved.headers.get('location')]).toEqual([307, `${local.url}/__local/elsewhere`])
    for (const kind of ['dropBefore', 'dropAfter'] as const) {
      inject({ kind })
      await expect(visit(pair, endpoint)).rejects.toThrow('fetch failed')
    }
    const defaultStatus = (await visit(pair, endpoint)).status
    inject({ kind: 'delay', delayMs: 1 })
    expect((await visit(pair, endpoint)).status).toBe(defaultStatus)
    expect(local.counters().faults).toBe(5)
    expect(local.faults()).toEqual([])
  })
})

describe('an answer under a fault', () => {
  test.each([
    ['prose', /^Sure, here is the answer:\n```json\n\{"data".*\}\n```\nLet me know/s],
    ['python', /^\{'data':\{'creator_avatar_url'.*'comment_disabled':False.*'code':'ok','message':''/],
    ['html', /^<html>/],
  ] as const)('is corrupted as %s', async (as, form) => {
    const { local, token } = await startPair()
    local.injectFault({ endpoint: 'creatorInfo', nth: 1, effect: { kind: 'mangle', as } })
    const response = await fetch(local.url + creatorInfo, {
      method: 'POST',
      headers: { authorization: `Bearer ${token.reveal()}` },
    })
    expect(await response.text()).toMatch(form)
  })

  test('redirects a client to a URL that counts the followers', async () => {
    const pair = await startPair()
    pair.local.injectFault({ endpoint: 'creatorInfo', nth: 1, effect: { kind: 'redirect' } })
    await fetch(pair.local.url + creatorInfo, { method: 'POST', body: '{}' })
    expect(pair.local.counters().redirectsFollowed).toBe(1)
  })
})

test('a fault for one account neither affects nor counts the calls of another', async () => {
  const pair = await startPair()
  const { local } = pair
  local.createAccount({ username: 'ben' })
  const ben = { ...pair, token: tokenOf(local, 'ben') }
  const effect = { kind: 'status', status: 500 } as const
  for (const endpoint of ['creatorInfo', 'token', 'revoke', 'upload'] as const) {
    local.injectFault({ endpoint, account: 'ben', nth: 1, effect })
  }
  expect((await call(pair, creatorInfo, {})).status).toBe(200)
  expect((await call(ben, creatorInfo, {})).status).toBe(500)
  expect((await call(ben, creatorInfo, {})).status).toBe(200)

  for (const [username, status] of [
    ['ann', 200],
    ['ben', 500],
  ] as const) {
    const one = { ...pair, token: tokenOf(local, username) }
    const { refresh_token: refreshToken, access_token: token } = local.grant(username)
    const form = { grant_type: 'refresh_token', refresh_token: refreshToken }
    expect((await oauth(local, 'token', form)).status).toBe(status)
    const post = { post_info: { privacy_level: 'SELF_ONLY' }, source_info: oneChunk(10) }
    const { data } = await call(one, '/v2/post/publish/video/init/', post)
    expect((await putWhole(data, 10)).status).toBe(status === 200 ? 201 : 500)
    expect((await oauth(local, 'revoke', { token })).status).toBe(status)
  }
})
