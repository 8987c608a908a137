import { describe, expect, test } from 'vitest'
import { Secret } from '../../src/secret.ts'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'
import { call, oauth, oneChunk, statusOf } from './raw-request.ts'
import { startReceiver } from './receiver.ts'
import { type Pair, startPair } from './support.ts'

const refresh = async (local: LocalTikTok, refreshToken: string) =>
  (await oauth(local, 'token', { grant_type: 'refresh_token', refresh_token: refreshToken })).body

async function opens({ local }: Pair, accessToken: unknown): Promise<boolean> {
  const token = new Secret(String(accessToken))
  return (await call({ local, token }, '/v2/post/publish/creator_info/query/', {})).code === 'ok'
}

describe('a refresh', () => {
  test('keeps the refresh token, or replaces it every second time, as the setting says', async () => {
    const { local } = await startPair({ rotate: 'never' })
    const { refresh_token: first } = local.grant('ann')
    expect((await refresh(local, first)).refresh_token).toBe(first)
    local.changeSettings({ rotate: 'sometimes' })
    const second = String((await refresh(local, first)).refresh_token)
    expect(second).not.toBe(first)
    expect((await refresh(local, second)).refresh_token).toBe(second)
    expect(local.counters()).toMatchObject({ refreshes: 3, refreshReuse: 0 })
  })

  test('restarts the refresh token’s lifetime, or does not, as the setting says', async () => {
    const { local } = await startPair({ refreshTtlSeconds: 1000, accessTtlSeconds: 86_400 })
    const { refresh_token: first } = local.grant('ann')
    local.advance(400)
    const second = await refresh(local, first)
    expect(second).toMatchObject({ refresh_expires_in: 1000, expires_in: 86_400 })
    local.changeSettings({ refreshTtlRestarts: false })
    local.advance(400)
    const third = await refresh(local, String(second.refresh_token))
    expect(Number(third.refresh_expires_in)).toBeLessThanOrEqual(600)
    local.advance(600)
    expect(await refresh(local, String(third.refresh_token))).toMatchObject({ error: 'invalid_grant' })
  })

  test('with a replaced token works within the grace period and still counts as reuse', async () => {
    const { local } = await startPair({ oldRefreshGraceSeconds: 60 })
    const { refresh_token: first } = local.grant('ann')
    await refresh(local, first)
    local.advance(59)
    expect(await refresh(local, first)).toHaveProperty('access_token')
    local.advance(1)
    expect(await refresh(local, first)).toMatchObject({ error: 'invalid_grant' })
    expect(local.counters()).toMatchObject({ refreshes: 2, refreshReuse: 2, familiesRevoked: 0 })
  })

  test('with a spent token revokes its whole family and no other when the setting says so', async () => {
    const pair = await startPair({ revokeFamilyOnReuse: true })
    const { local } = pair
    const otherGrant = local.grant('ann')
    const { refresh_token: first } = local.grant('ann')
    const second = await refresh(local, first)
    expect(await opens(pair, second.access_token)).toBe(true)

    expect(await refresh(local, first)).toMatchObject({ error: 'invalid_grant' })
    expect(await opens(pair, second.access_token)).toBe(false)
    expect(await refresh(local, String(second.refresh_token))).toMatchObject({ error: 'invalid_grant' })
    expect(await opens(pair, otherGrant.access_token)).toBe(true)
    expect(local.counters()).toMatchObject({ refreshReuse: 1, familiesRevoked: 1 })
  })

  test('is refused with a missing field, another content type or a wrong secret', async () => {
    const { local } = await startPair()
    const errorOf = async (fields: Record<string, string>) => (await oauth(local, 'token', fields)).body.error
    expect(await errorOf({ grant_type: 'refresh_token' })).toBe('invalid_request')
    expect(await errorOf({ grant_type: 'authorization_code' })).toBe('invalid_request')
    expect(await errorOf({ grant_type: 'client_credentials' })).toBe('unsupported_grant_type')
    expect(await errorOf({ grant_type: 'refresh_token', client_secret: '' })).toBe('invalid_request')
    expect(await errorOf({ grant_type: 'refresh_token', client_secret: 'guess' })).toBe('invalid_client')
    const json = await fetch(`${local.url}/v2/oauth/token/`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    })
    expect([json.status, await json.json()]).toMatchObject([400, { error: 'invalid_request' }])
  })
})

describe('a grant', () => {
  test('that the app revokes is invalid at once, and the app gets a webhook', async () => {
    const receiver = await startReceiver()
    const pair = await startPair()
    const { local } = pair
    local.changeApp({ webhookUrl: receiver.url })
    const { access_token: token, refresh_token: refreshToken } = local.grant('ann')

    expect(await oauth(local, 'revoke', { token: 'act.guess' })).toMatchObject({
      body: { error: 'invalid_grant' },
    })
    const missing = await oauth(local, 'revoke', { token, client_secret: '' })
    expect(missing.body.error).toBe('invalid_request')
    expect(await oauth(local, 'revoke', { token })).toEqual({ status: 200, body: {} })
    expect(await opens(pair, token)).toBe(false)
    expect(await refresh(local, refreshToken)).toMatchObject({ error: 'invalid_grant' })
    // A revoke ends every consent of this account.
    expect(await opens(pair, pair.token.reveal())).toBe(false)

    await local.flushWebhooks()
    expect(receiver.received).toMatchObject([
      { event: 'authorization.removed', openId: local.accounts()[0]?.openId, content: '{"reason":5}' },
    ])
    expect(await opens(pair, local.grant('ann').access_token)).toBe(true)
    expect(local.counters()).toMatchObject({ revokes: 1, disconnects: 1 })
  })

  test('that its owner withdraws fails the unfinished posts and keeps the others', async () => {
    const receiver = await startReceiver()
    const pair = await startPair()
    pair.local.changeApp({ webhookUrl: receiver.url })
    pair.local.createAccount({ username: 'ben' })
    const ben = pair.local.grant('ben')
    const init = await call(pair, '/v2/post/publish/video/init/', {
      post_info: { privacy_level: 'SELF_ONLY' },
      source_info: oneChunk(10),
    })

    pair.local.disconnect('ann')
    pair.local.disconnect('ben', 'accountDeleted')
    const put = await fetch(String(init.data.upload_url), {
      method: 'PUT',
      body: new Uint8Array(10),
      headers: { 'content-type': 'video/mp4', 'content-range': 'bytes 0-9/10' },
    })
    expect(put.status).toBe(404)
    expect(await opens(pair, ben.access_token)).toBe(false)
    const reconnected = { ...pair, token: new Secret(pair.local.grant('ann').access_token) }
    expect((await statusOf(reconnected, String(init.data.publish_id))).data).toEqual({
      status: 'FAILED',
      fail_reason: 'auth_removed',
    })
    await pair.local.flushWebhooks()
    expect(receiver.received.map(({ event, about }) => [event, about.reason])).toEqual(
      expect.arrayContaining([
        ['authorization.removed', 1],
        ['authorization.removed', 2],
        ['failed', 'auth_removed'],
      ]),
    )
    expect(() => pair.local.disconnect('nobody')).toThrow('no account nobody')
  })
})
