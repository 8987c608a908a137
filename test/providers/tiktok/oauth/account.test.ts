import { expect, test } from 'vitest'
import { userFieldsOf } from '../../../../src/providers/tiktok/display/user-info.ts'
import { codeChallengeOf, createCodeVerifier } from '../../../../src/providers/tiktok/oauth/authorize-url.ts'
import { readCallback } from '../../../../src/providers/tiktok/oauth/callback.ts'
import { Secret } from '../../../../src/secret.ts'
import type { LocalTikTok } from '../../../../src/simulator/simulator.ts'
import { chunkOf, initPost, startPair, tokenOf, wantedPost } from '../../../simulator/support.ts'
import { clientAt } from '../support.ts'

const redirectUri = 'http://127.0.0.1:4000/oauth/tiktok/callback'
const scopes = ['user.info.basic', 'video.publish']

function clientOf({ url, app }: LocalTikTok) {
  return clientAt(url, {
    authorizeBase: url,
    clientKey: app.clientKey,
    clientSecret: new Secret(app.clientSecret),
  })
}

/** Visits the authorize page and reads its redirect. */
async function consent(local: LocalTikTok, more: Record<string, string> = {}) {
  const codeVerifier = createCodeVerifier()
  const url = new URL(
    clientOf(local).authorizeUrl({
      redirectUri,
      scopes,
      state: 's t',
      codeChallenge: codeChallengeOf(codeVerifier),
    }),
  )
  for (const [name, value] of Object.entries(more)) url.searchParams.set(name, value)
  const page = await fetch(url, { redirect: 'manual' })
  return { codeVerifier, callback: readCallback(new URL(page.headers.get('location') ?? '')) }
}

test('a client connects an account, reads its user info and revokes the grant', async () => {
  const { local } = await startPair()
  const client = clientOf(local)
  const { callback, codeVerifier } = await consent(local, { local_account: 'ann' })
  if (callback.kind !== 'granted') throw new Error(callback.kind)
  expect(callback).toMatchObject({ scopes, state: 's t' })

  const exchanged = await client.exchangeCode({ code: callback.code, redirectUri, codeVerifier })
  if (exchanged.kind !== 'ok') throw new Error(exchanged.kind)
  const { grant } = exchanged
  expect(await client.userInfo(grant.accessToken, userFieldsOf(grant.scopes))).toMatchObject({
    kind: 'ok',
    user: { openId: grant.openId, displayName: 'Ann' },
  })

  expect(await client.revoke(grant.accessToken)).toEqual({ kind: 'ok' })
  expect(await client.creatorInfo(grant.accessToken)).toMatchObject({
    kind: 'unauthorized',
    code: 'access_token_invalid',
    logId: expect.any(String),
  })
  expect(await client.refreshToken(grant.refreshToken)).toMatchObject({
    kind: 'refused',
    code: 'invalid_grant',
    logId: expect.any(String),
  })
  expect(await client.revoke(grant.accessToken)).toMatchObject({ kind: 'refused', code: 'invalid_grant' })
})

test('a callback distinguishes a person who declined from one outside the sandbox', async () => {
  const { local } = await startPair()
  const denied = await consent(local, { deny: '1' })
  expect(denied.callback).toMatchObject({ kind: 'refused', error: 'access_denied', state: 's t' })
  expect(denied.callback).not.toHaveProperty('errorType')

  local.changeApp({ sandboxTargets: ['ben'] })
  const outsider = await consent(local, { local_account: 'ann' })
  expect(outsider.callback).toMatchObject({ error: 'access_denied', errorType: 'non_sandbox_target' })
})

test('userInfo fails as a whole for one field beyond the granted scopes', async () => {
  const { client, local } = await startPair()
  const few = tokenOf(local, 'ann', ['user.info.basic'])
  expect(await client.userInfo(few, ['displayName', 'username'])).toMatchObject({
    kind: 'unauthorized',
    code: 'scope_not_authorized',
  })
  local.changeSettings({ uncoveredFields: 'scope_permission_missed' })
  expect(await client.userInfo(few, ['displayName', 'username'])).toMatchObject({
    kind: 'refused',
    code: 'scope_permission_missed',
  })
  local.changeSettings({ uncoveredFields: 'omit' })
  expect(await client.userInfo(few, ['displayName', 'username'])).toEqual({
    kind: 'ok',
    user: { displayName: 'Ann' },
  })
})

test('listVideos pages through videos newest first, with times in milliseconds', async () => {
  const pair = await startPair()
  const { client, token, local } = pair
  for (const title of ['one', 'two']) {
    const { uploadUrl } = await initPost(pair, wantedPost(10, { title }))
    await client.putChunk(uploadUrl, chunkOf(10, 0))
    local.advance(60)
  }
  const first = await client.listVideos(token, { maxCount: 1 })
  if (first.kind !== 'ok') throw new Error(first.kind)
  expect(first).toMatchObject({ videos: [{ title: 'two', id: local.posts()[1]?.postIds[0] }], hasMore: true })

  const { cursor } = first
  const second = await client.listVideos(token, { maxCount: 1, cursor })
  expect(second).toMatchObject({ videos: [{ title: 'one' }], hasMore: false })
  // The cursor is the time of the page's last video; TikTok sends one in milliseconds and the other in seconds.
  expect(Math.floor(cursor / 1000) * 1000).toBe(first.videos[0]?.createdAt)

  expect(await client.listVideos(tokenOf(local, 'ann', ['user.info.basic']))).toMatchObject({
    kind: 'unauthorized',
    code: 'scope_not_authorized',
  })
})
