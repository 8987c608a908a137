import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, describe, expect, it } from 'vitest'
import { insertConnectedAccount } from '../../src/commands/account/insert-account.ts'
import { handleWebhook } from '../../src/commands/webhook/handle-webhook.ts'
import { createWebhookRoute } from '../../src/inbound/webhook-route.ts'
import { createLogger } from '../../src/logger.ts'
import { Secret } from '../../src/secret.ts'
import { readTokens } from '../../src/store/account/tokens.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { insertSentJob } from '../support/sent-job.ts'

const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const { db } = database.runtime
const clientKey = 'ck_local_demo'
const clientSecret = 'cs_local_demo'

const route = createWebhookRoute({
  db,
  deps,
  clientKey,
  clientSecret: new Secret(clientSecret),
  log: createLogger('silent', false),
})
const server = createServer((request, response) => void route(request, response)).listen(0, '127.0.0.1')
await once(server, 'listening')
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/` // A TCP server's address is an object.
afterAll(() => void server.close())

const now = () => Math.floor(Date.now() / 1_000)

function bodyOf(event: string, openId: string, content: string, createdAt = now()): string {
  return JSON.stringify({
    client_key: clientKey,
    event,
    create_time: createdAt,
    user_openid: openId,
    content,
  })
}

/** Sends a signed webhook, as TikTok does by default. */
async function send(body: string, { secret = clientSecret, at = now() } = {}): Promise<number> {
  const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex')
  const headers = { 'content-type': 'application/json', 'tiktok-signature': `t=${at},s=${signature}` }
  return (await fetch(url, { method: 'POST', body, headers })).status
}

/** Handles all stored deliveries, as a worker does. */
async function handleAll(): Promise<readonly string[]> {
  const kept = await db.selectFrom('webhook_delivery').select('key').where('handled_at', 'is', null).execute()
  const outcomes = kept.map(({ key }) => db.transaction().execute((tx) => handleWebhook(tx, deps, key)))
  return (await Promise.all(outcomes)).map(({ outcome }) => outcome)
}

async function setUp(audience = 'everyone') {
  const organizationId = await createOrganization(database)
  const accountId = randomUUID()
  const openId = `-000${randomBytes(8).toString('hex')}`
  await insertConnectedAccount(db, {
    accountId,
    organizationId,
    creator: { openId, username: openId, displayName: 'Ann', scopes: ['video.publish'] },
    tokens: {
      accessTokenSealed: 'a',
      refreshTokenSealed: 'r',
      expiresInSeconds: 7_200,
      refreshExpiresInSeconds: 15_552_000,
    },
  })
  const publishId = `v_pub_file~v2-1.${randomBytes(6).toString('hex')}`
  const jobId = await insertSentJob(database, { organizationId, accountId, publishId, audience })
  const stateOf = async (id: string) => {
    const row = await db
      .selectFrom('machine_instance')
      .select(['state', 'context'])
      .where('id', '=', id)
      .executeTakeFirst()
    return { state: row?.state, context: row?.context as unknown as { publicPostIds: string[] } }
  }
  const eventsOf = async (id: string) =>
    (await db.selectFrom('event').select('type').where('job_id', '=', id).execute()).length
  /** The id is a bare number inside the inner JSON, as TikTok sends it. */
  const ofPost = (event: string, postId?: string, createdAt = now()) => {
    const id = postId === undefined ? '' : `,"post_id":${postId}`
    const content = `{"publish_id":"${publishId}","publish_type":"DIRECT_POST"${id}}`
    return bodyOf(`post.publish.${event}`, openId, content, createdAt)
  }
  return { organizationId, accountId, openId, jobId, publishId, stateOf, eventsOf, ofPost }
}

describe('a webhook', () => {
  it('moves its job and keeps every digit of the post id', async () => {
    const { jobId, stateOf, ofPost } = await setUp()
    expect(await send(ofPost('publicly_available', '7312345678901234567'))).toBe(200)
    expect(await handleAll()).toEqual(['applied'])
    expect(await stateOf(jobId)).toMatchObject({
      state: 'closing',
      context: { publicPostIds: ['7312345678901234567'] },
    })
  })

  it('makes one event, however often it is delivered and handled', async () => {
    const { jobId, eventsOf, ofPost } = await setUp()
    const body = ofPost('complete')
    expect(await Promise.all([send(body), send(body), send(body)])).toEqual([200, 200, 200])
    const key = (
      await db.selectFrom('webhook_delivery').select('key').where('handled_at', 'is', null).execute()
    )[0]?.key
    const both = await Promise.all([
      handleAll(),
      db.transaction().execute((tx) => handleWebhook(tx, deps, key ?? '')),
    ])
    expect(
      both
        .flat()
        .map((one) => (typeof one === 'string' ? one : one.outcome))
        .toSorted(),
    ).toEqual(['alreadyHandled', 'applied'])
    expect(await send(body)).toBe(200)
    expect(await handleAll()).toEqual([])
    expect(await eventsOf(jobId)).toBe(1)
  })

  it('is refused without a signature, with a wrong one, or with an old one', async () => {
    const { ofPost } = await setUp()
    const body = ofPost('complete')
    expect((await fetch(url, { method: 'POST', body })).status).toBe(401)
    expect(await send(body, { secret: 'another' })).toBe(401)
    expect(await send(body, { at: now() - 400 })).toBe(401)
    expect(await send(body, { at: now() + 400 })).toBe(401)
    const byGet = await fetch(url)
    expect([byGet.status, byGet.headers.get('allow')]).toEqual([405, 'POST'])
    expect(await byGet.json()).toMatchObject({ errors: [{ extensions: { code: 'METHOD_NOT_ALLOWED' } }] })
    expect(await handleAll()).toEqual([])
  })

  it('of an unknown creator or post is answered 200 and changes nothing', async () => {
    const { jobId, publishId, stateOf } = await setUp()
    const content = `{"publish_id":"${publishId}"}`
    expect(await send(bodyOf('post.publish.complete', 'somebody-else', content))).toBe(200)
    expect(await send(bodyOf('post.publish.complete', 'x', '{"publish_id":"v_pub_file~none"}'))).toBe(200)
    expect(await handleAll()).toEqual(['unknownPost', 'unknownPost'])
    expect((await stateOf(jobId)).state).toBe('watching.accepted')
    for (const body of [bodyOf('video.upload.failed', 'x', '{}'), '{"client_key":1', '[]'])
      expect(await send(body)).toBe(200)
    expect(await handleAll()).toEqual([])
  })

  it('is refused when it is larger than 64 kB', async () => {
    expect(await send('x'.repeat(70_000)).catch(() => 413)).toBe(413)
  })

  it('reports a takedown weeks later, as an event and a state', async () => {
    const { jobId, stateOf, eventsOf, ofPost } = await setUp()
    await send(ofPost('publicly_available', '71', now() - 60))
    await handleAll()
    // The job is in `closing` now; an event that arrives then must not be lost.
    await send(ofPost('no_longer_publicaly_available', '71'))
    expect(await handleAll()).toEqual(['applied'])
    expect(await stateOf(jobId)).toMatchObject({ context: { visibility: 'hidden', publicPostIds: ['71'] } })
    expect(await eventsOf(jobId)).toBe(2)
  })

  it('of a failed post ends its job with the reason’s verdict and counts an unknown reason', async () => {
    const known = await setUp()
    const content = `{"publish_id":"${known.publishId}","reason":"frame_rate_check_failed"}`
    await send(bodyOf('post.publish.failed', known.openId, content))
    await handleAll()
    expect(await known.stateOf(known.jobId)).toMatchObject({
      state: 'closing',
      context: { failure: { verdict: 'FIX_MEDIA', code: 'frame_rate_check_failed', source: 'post' } },
    })
    const unknown = await setUp()
    const unknownReason = `{"publish_id":"${unknown.publishId}","reason":"the_moon_is_full"}`
    await send(bodyOf('post.publish.failed', unknown.openId, unknownReason))
    await handleAll()
    expect((await unknown.stateOf(unknown.jobId)).state).toBe('closing')
    const counted = await db
      .selectFrom('unrecognised_code')
      .select(['source', 'code', 'occurrences'])
      .where('organization_id', '=', unknown.organizationId)
      .execute()
    expect(counted).toEqual([{ source: 'post', code: 'the_moon_is_full', occurrences: 1 }])
  })
})

describe('authorization.removed', () => {
  it('revokes the account, deletes its tokens and names the slots at risk', async () => {
    const { organizationId, accountId, openId, stateOf } = await setUp()
    await send(bodyOf('authorization.removed', openId, '{"reason":1}', now() + 1))
    expect(await handleAll()).toEqual(['applied'])
    expect(await stateOf(accountId)).toMatchObject({
      state: 'revoked',
      context: { failure: { code: 'AUTHORIZATION_REMOVED' } },
    })
    expect(await readTokens(db, accountId)).toBeNull()
    const types = await db
      .selectFrom('event')
      .select('type')
      .where('organization_id', '=', organizationId)
      .where('account_id', '=', accountId)
      .orderBy('sequence')
      .execute()
    expect(types.map(({ type }) => type)).toEqual(['account.transitioned', 'account.slotsEndangered'])
  })

  it('does not affect a later grant', async () => {
    const { accountId, openId, stateOf } = await setUp()
    await send(bodyOf('authorization.removed', openId, '{"reason":1}', now() - 3_600))
    expect(await handleAll()).toEqual(['noChange'])
    expect((await stateOf(accountId)).state).toBe('connected')
  })
})
