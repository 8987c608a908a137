import { describe, expect, test } from 'vitest'
import type { SimulatorSettings } from '../../src/simulator/settings.ts'
import { signWebhook } from '../../src/simulator/webhook/send.ts'
import { postVideo, sendDraft } from './raw-request.ts'
import { startReceiver } from './receiver.ts'
import { startPair, until } from './support.ts'

async function startWithReceiver(settings: Partial<SimulatorSettings> = {}) {
  const receiver = await startReceiver()
  const pair = await startPair(settings)
  pair.local.changeApp({ webhookUrl: receiver.url })
  return { ...pair, receiver }
}

test('the webhook signature equals the reference vector', () => {
  const content =
    '{\\"publish_id\\":\\"v_pub_file~v2-1.7600000000000000001\\",\\"publish_type\\":\\"DIRECT_POST\\"}'
  const body = `{"client_key":"ck_local_demo","event":"post.publish.complete","create_time":1764000000,"user_openid":"-000OpenIdDemo0001","content":"${content}"}`
  expect(body).toHaveLength(224)
  expect(signWebhook('cs_local_demo', 1_764_000_005, body)).toBe(
    't=1764000005,s=183bc5014fec66d015dea3d3ecb3f70adfcbc748f758b5910b5dabd2bc1dce31',
  )
})

describe('a webhook is sent', () => {
  test('when a post is complete and then when it is public, signed and with all digits of its id', async () => {
    const pair = await startWithReceiver()
    const { local, receiver } = pair
    const publishId = await postVideo(pair, { title: '[[local:id=7312345678901234567]]' })
    await local.flushWebhooks()

    expect(receiver.events()).toEqual(['complete', 'publicly_available'])
    const [complete, available] = receiver.received
    expect(complete?.about).toEqual({ publish_id: publishId, publish_type: 'DIRECT_POST' })
    expect(complete?.openId).toBe(local.accounts()[0]?.openId)
    expect(available?.content).toBe(
      `{"publish_id":"${publishId}","post_id":7312345678901234567,"publish_type":"DIRECT_POST"}`,
    )
    for (const { signature, body } of receiver.received) {
      const seconds = Number(/^t=(\d+),/.exec(signature)?.[1])
      expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60)
      expect(signature).toBe(signWebhook(local.app.clientSecret, seconds, body))
    }
    expect(local.counters()).toMatchObject({ webhooksSent: 2, webhooksAccepted: 2, webhooksRetried: 0 })
  })

  test('when only the clock makes a post complete', async () => {
    const pair = await startWithReceiver({ processingMs: 60_000, moderationMs: 60_000 })
    await postVideo(pair)
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual([])

    pair.local.advance(60)
    await until(
      async () => pair.receiver.received.length,
      (length) => length === 1,
    )
    pair.local.advance(60)
    await until(
      async () => pair.receiver.received.length,
      (length) => length === 2,
    )
    expect(pair.receiver.events()).toEqual(['complete', 'publicly_available'])
  })

  test('when a post fails, with the reason, and when it is taken down', async () => {
    const pair = await startWithReceiver()
    await postVideo(pair, { title: '[[local:duration_check_failed]]' })
    const publishId = await postVideo(pair)
    pair.local.takeDown(publishId)
    await postVideo(pair, { title: 'gone by itself [[local:taken_down]]' })
    await pair.local.flushWebhooks()

    const failed = pair.receiver.received.find(({ event }) => event === 'failed')
    expect(failed?.about).toMatchObject({ reason: 'duration_check_failed', publish_type: 'DIRECT_POST' })
    const gone = pair.receiver.events().filter((event) => event === 'no_longer_publicaly_available')
    expect(gone).toHaveLength(2)
    expect(pair.local.posts().map(({ stage }) => stage)).toEqual(['failed', 'taken down', 'taken down'])
    expect(pair.local.posts().flatMap(({ postIds }) => postIds)).toEqual([])
  })

  test('when a draft is delivered and each time that its user posts it', async () => {
    const pair = await startWithReceiver()
    const publishId = await sendDraft(pair)
    await pair.local.flushWebhooks()
    pair.local.postDraft(publishId)
    pair.local.postDraft(publishId, false)
    await pair.local.flushWebhooks()

    expect(pair.receiver.events()).toEqual(['inbox_delivered', 'complete', 'publicly_available', 'complete'])
    expect(pair.receiver.received.map(({ about }) => about.publish_type)).toEqual(
      Array(4).fill('INBOX_SHARE'),
    )
  })

  test('when its owner makes a private post public', async () => {
    const pair = await startWithReceiver()
    const publishId = await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual(['complete'])
    const { postIds } = pair.local.makePublic(publishId)
    await pair.local.flushWebhooks()
    expect(pair.receiver.received[1]?.about.post_id).toBe(postIds[0])
    expect(() => pair.local.makePublic(publishId)).toThrow('is public, not private')
  })
})

describe('the webhook settings', () => {
  test('send ids as strings, and nothing while webhooks are off', async () => {
    const pair = await startWithReceiver({ idsAsNumbers: false })
    await postVideo(pair)
    await pair.local.flushWebhooks()
    expect(pair.receiver.received[1]?.content).toMatch(/"post_id":"\d{19}"/)

    pair.local.changeSettings({ webhooks: 'off' })
    await postVideo(pair)
    await pair.local.flushWebhooks()
    pair.local.changeSettings({ webhooks: 'on' })
    await pair.local.flushWebhooks()
    expect(pair.receiver.received).toHaveLength(2)
    expect(pair.local.webhooks().map(({ state }) => state)).toEqual([
      'accepted',
      'accepted',
      'suppressed',
      'suppressed',
    ])
  })

  test('send an event twice with the same body', async () => {
    const pair = await startWithReceiver({ duplicateWebhooks: 1 })
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual(['complete', 'complete'])
    expect(new Set(pair.receiver.received.map(({ body }) => body)).size).toBe(1)
    expect(pair.local.counters()).toMatchObject({ webhooksSent: 2, webhooksAccepted: 2, webhooksRetried: 0 })
  })

  test('let a later event of the same post overtake an earlier one', async () => {
    const pair = await startWithReceiver({ reorderWebhooks: 1 })
    await postVideo(pair)
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual(['publicly_available', 'complete'])
  })

  test('send a reordered event after a while when no later event overtakes it', async () => {
    const pair = await startWithReceiver({ reorderWebhooks: 1 })
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual([])
    pair.local.advance(5)
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual(['complete'])
  })

  test('lose the same events for the same seed', async () => {
    const lostCount = async () => {
      const pair = await startWithReceiver({ loseWebhooks: 0.5, webhookSeed: 42, rateLimits: false })
      for (let post = 0; post < 6; post += 1) await postVideo(pair, { privacy_level: 'SELF_ONLY' })
      await pair.local.flushWebhooks()
      const states = pair.local.webhooks().map(({ state }) => state)
      expect(pair.receiver.received).toHaveLength(states.filter((state) => state === 'accepted').length)
      expect(pair.local.counters().webhooksLost).toBe(states.filter((state) => state === 'lost').length)
      return states
    }
    const states = await lostCount()
    expect(new Set(states)).toEqual(new Set(['accepted', 'lost']))
    expect(await lostCount()).toEqual(states)
  })

  test('delay the first attempt', async () => {
    const pair = await startWithReceiver({ webhookDelayMs: 60_000 })
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual([])
    pair.local.advance(60)
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual(['complete'])
  })

  test.each([true, false])('sign a retry anew (%s), with the clock skew of the setting', async (fresh) => {
    const pair = await startWithReceiver({ webhookFreshSignature: fresh, webhookClockSkewSeconds: -3600 })
    pair.receiver.answer(500)
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    // The signature's time is the machine's own, which is never advanced.
    const before = Math.floor(Date.now() / 1000)
    await until(
      async () => Math.floor(Date.now() / 1000),
      (now) => now > before,
    )
    pair.local.advance(60)
    await pair.local.flushWebhooks()

    const [first, second] = pair.receiver.received.map(({ signature }) => Number(/\d+/.exec(signature)))
    expect(Math.abs((first ?? 0) + 3600 - Date.now() / 1000)).toBeLessThan(60)
    expect(second !== first).toBe(fresh)
  })
})

describe('an event that is not answered with 200', () => {
  test('is sent again with growing delays until it is accepted', async () => {
    const pair = await startWithReceiver({ webhookRetryMs: 10_000 })
    pair.receiver.answer(503)
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    const attempts = async (seconds: number) => {
      pair.local.advance(seconds)
      await pair.local.flushWebhooks()
      return pair.receiver.received.length
    }
    expect(await attempts(0)).toBe(1)
    expect(await attempts(10)).toBe(2)
    expect(await attempts(10)).toBe(2)
    expect(await attempts(10)).toBe(3)
    pair.receiver.answer(200)
    expect(await attempts(60)).toBe(4)
    expect(await attempts(3600)).toBe(4)
    expect(pair.local.counters()).toMatchObject({ webhooksSent: 4, webhooksAccepted: 1, webhooksRetried: 3 })
    expect(pair.local.webhooks()).toMatchObject([{ state: 'accepted', attempts: 4, answer: '200' }])
  })

  test('is abandoned after three days', async () => {
    const pair = await startWithReceiver()
    pair.receiver.answer(302)
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    pair.local.advance(72 * 3600 + 1)
    await pair.local.flushWebhooks()
    expect(pair.local.webhooks()).toMatchObject([{ state: 'abandoned', attempts: 2, answer: '302' }])
    expect(pair.local.counters().webhooksAbandoned).toBe(1)
  })

  test('does not delay the events of other posts', async () => {
    const pair = await startWithReceiver({ webhookRetryMs: 60_000 })
    pair.local.injectFault({ endpoint: 'webhook', nth: 1, effect: { kind: 'dropBefore' } })
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    const second = await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    expect(pair.receiver.received.map(({ about }) => about.publish_id)).toEqual([second])
  })

  test.each([
    ['dropBefore', { kind: 'dropBefore' }, ['complete'], 'not sent'],
    ['dropAfter', { kind: 'dropAfter' }, ['complete', 'complete'], 'answer lost'],
    ['garble', { kind: 'garble' }, ['unreadable'], '200'],
    ['status', { kind: 'status', status: 500 }, ['complete'], '500'],
    ['delay', { kind: 'delay', delayMs: 20 }, ['complete'], '200'],
  ] as const)('can be caused by a fault (%s)', async (_, effect, events, answer) => {
    const pair = await startWithReceiver()
    pair.local.injectFault({ endpoint: 'webhook', account: 'ann', nth: 1, effect })
    await postVideo(pair, { privacy_level: 'SELF_ONLY' })
    await pair.local.flushWebhooks()
    expect(pair.local.webhooks()).toMatchObject([{ answer }])
    pair.local.advance(60)
    await pair.local.flushWebhooks()
    expect(pair.receiver.events()).toEqual(events)
    expect(pair.local.counters().faults).toBe(1)
  })
})

test('a webhook with any event name can be sent by hand', async () => {
  const pair = await startWithReceiver()
  pair.local.sendWebhook('video.upload.failed', 'ann', { share_id: 'legacy' })
  await pair.local.flushWebhooks()
  expect(pair.receiver.received).toMatchObject([
    { event: 'video.upload.failed', about: { share_id: 'legacy' } },
  ])
  expect(() => pair.local.sendWebhook('x', 'nobody', {})).toThrow('no account nobody')
})

test('stop aborts running attempts at once', async () => {
  const pair = await startWithReceiver()
  pair.local.injectFault({ endpoint: 'webhook', nth: 1, effect: { kind: 'delay', delayMs: 600_000 } })
  await postVideo(pair, { privacy_level: 'SELF_ONLY' })
  await until(
    async () => pair.local.counters().faults,
    (faults) => faults === 1,
  )
  await pair.local.stop()
  expect(pair.receiver.events()).toEqual([])
})
