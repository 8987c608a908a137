import { describe, expect, test } from 'vitest'
import type { SimulatorSettings } from '../../src/simulator/settings.ts'
import { signWebhook } from '../../src/simulator/webhook/send.ts'
import { postVideo, sendDraft } from './raw-request.ts'
import { startReceiver } from './receiver.ts'
import { startPair, until } from './support.ts'

async function startTold(settings: Partial<SimulatorSettings> = {}) {
  const receiver = await startReceiver()
  const pair = await startPair(settings)
  pair.local.changeApp({ webhookUrl: receiver.url })
  return { ...pair, receiver }
}

test('the signature is the one of the reference vector', () => {
  const content =
    '{\\"publish_id\\":\\"v_pub_file~v2-1.7600000000000000001\\",\\"publish_type\\":\\"DIRECT_POST\\"}'
  const body = `{"client_key":"ck_local_demo","event":"post.publish.complete","create_time":1764000000,"user_openid":"-000OpenIdDemo0001","content":"${content}"}`
  expect(body).toHaveLength(224)
  expect(signWebhook('cs_local_demo', 1_764_000_005, body)).toBe(
    't=1764000005,s=183bc5014fec66d015dea3d3ecb3f70adfcbc748f758b5910b5dabd2bc1dce31',
  )
})

describe('a post is told of', () => {
  test('when it is complete and when it is public, in this order, signed, with all digits of its id', async () => {
    const told = await startTold()
    const { local, receiver } = told
    const publishId = await postVideo(told, { title: '[[local:id=7312345678901234567]]' })
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

  test('without anybody asking: the clock alone brings it about', async () => {
    const told = await startTold({ processingMs: 60_000, moderationMs: 60_000 })
    await postVideo(told)
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual([])

    told.local.advance(60)
    await until(
      async () => told.receiver.received.length,
      (length) => length === 1,
    )
    told.local.advance(60)
    await until(
      async () => told.receiver.received.length,
      (length) => length === 2,
    )
    expect(told.receiver.events()).toEqual(['complete', 'publicly_available'])
  })

  test('when it fails, with the reason, and when it is taken down', async () => {
    const told = await startTold()
    await postVideo(told, { title: '[[local:duration_check_failed]]' })
    const publishId = await postVideo(told)
    told.local.takeDown(publishId)
    await postVideo(told, { title: 'gone by itself [[local:taken_down]]' })
    await told.local.flushWebhooks()

    const failed = told.receiver.received.find(({ event }) => event === 'failed')
    expect(failed?.about).toMatchObject({ reason: 'duration_check_failed', publish_type: 'DIRECT_POST' })
    const gone = told.receiver.events().filter((event) => event === 'no_longer_publicaly_available')
    expect(gone).toHaveLength(2)
    expect(told.local.posts().map(({ stage }) => stage)).toEqual(['failed', 'taken down', 'taken down'])
    expect(told.local.posts().flatMap(({ postIds }) => postIds)).toEqual([])
  })

  test('as a draft: delivered, and complete each time that the user posts it', async () => {
    const told = await startTold()
    const publishId = await sendDraft(told)
    await told.local.flushWebhooks()
    told.local.postDraft(publishId)
    told.local.postDraft(publishId, false)
    await told.local.flushWebhooks()

    expect(told.receiver.events()).toEqual(['inbox_delivered', 'complete', 'publicly_available', 'complete'])
    expect(told.receiver.received.map(({ about }) => about.publish_type)).toEqual(
      Array(4).fill('INBOX_SHARE'),
    )
  })

  test('when its owner makes it public after all', async () => {
    const told = await startTold()
    const publishId = await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual(['complete'])
    const { postIds } = told.local.makePublic(publishId)
    await told.local.flushWebhooks()
    expect(told.receiver.received[1]?.about.post_id).toBe(postIds[0])
    expect(() => told.local.makePublic(publishId)).toThrow('is public, not private')
  })
})

describe('the settings', () => {
  test('write ids as text, or not at all while webhooks are off', async () => {
    const told = await startTold({ idsAsNumbers: false })
    await postVideo(told)
    await told.local.flushWebhooks()
    expect(told.receiver.received[1]?.content).toMatch(/"post_id":"\d{19}"/)

    told.local.changeSettings({ webhooks: 'off' })
    await postVideo(told)
    await told.local.flushWebhooks()
    told.local.changeSettings({ webhooks: 'on' })
    await told.local.flushWebhooks()
    expect(told.receiver.received).toHaveLength(2)
    expect(told.local.webhooks().map(({ state }) => state)).toEqual([
      'accepted',
      'accepted',
      'suppressed',
      'suppressed',
    ])
  })

  test('tell an event twice, body for body', async () => {
    const told = await startTold({ duplicateWebhooks: 1 })
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual(['complete', 'complete'])
    expect(new Set(told.receiver.received.map(({ body }) => body)).size).toBe(1)
    expect(told.local.counters()).toMatchObject({ webhooksSent: 2, webhooksAccepted: 2, webhooksRetried: 0 })
  })

  test('let a later event of the same post overtake an earlier one', async () => {
    const told = await startTold({ reorderWebhooks: 1 })
    await postVideo(told)
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual(['publicly_available', 'complete'])
  })

  test('hold an event back in vain when nothing overtakes it', async () => {
    const told = await startTold({ reorderWebhooks: 1 })
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual([])
    told.local.advance(5)
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual(['complete'])
  })

  test('lose the same events for the same seed', async () => {
    const lost = async () => {
      const told = await startTold({ loseWebhooks: 0.5, webhookSeed: 42, rateLimits: false })
      for (let post = 0; post < 6; post += 1) await postVideo(told, { privacy_level: 'SELF_ONLY' })
      await told.local.flushWebhooks()
      const states = told.local.webhooks().map(({ state }) => state)
      expect(told.receiver.received).toHaveLength(states.filter((state) => state === 'accepted').length)
      expect(told.local.counters().webhooksLost).toBe(states.filter((state) => state === 'lost').length)
      return states
    }
    const states = await lost()
    expect(new Set(states)).toEqual(new Set(['accepted', 'lost']))
    expect(await lost()).toEqual(states)
  })

  test('delay the first attempt', async () => {
    const told = await startTold({ webhookDelayMs: 60_000 })
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual([])
    told.local.advance(60)
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual(['complete'])
  })

  test.each([true, false])(
    'sign a repeated attempt anew or not (%s), and by a wrong clock',
    async (fresh) => {
      const told = await startTold({ webhookFreshSignature: fresh, webhookClockSkewSeconds: -3600 })
      told.receiver.answer(500)
      await postVideo(told, { privacy_level: 'SELF_ONLY' })
      await told.local.flushWebhooks()
      // The signature's time is the machine's own, which nothing puts forward.
      const before = Math.floor(Date.now() / 1000)
      await until(
        async () => Math.floor(Date.now() / 1000),
        (now) => now > before,
      )
      told.local.advance(60)
      await told.local.flushWebhooks()

      const [first, second] = told.receiver.received.map(({ signature }) => Number(/\d+/.exec(signature)))
      expect(Math.abs((first ?? 0) + 3600 - Date.now() / 1000)).toBeLessThan(60)
      expect(second !== first).toBe(fresh)
    },
  )
})

describe('an event that is not answered with 200', () => {
  test('comes again, later each time, until it is', async () => {
    const told = await startTold({ webhookRetryMs: 10_000 })
    told.receiver.answer(503)
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    const attempts = async (seconds: number) => {
      told.local.advance(seconds)
      await told.local.flushWebhooks()
      return told.receiver.received.length
    }
    expect(await attempts(0)).toBe(1)
    expect(await attempts(10)).toBe(2)
    expect(await attempts(10)).toBe(2)
    expect(await attempts(10)).toBe(3)
    told.receiver.answer(200)
    expect(await attempts(60)).toBe(4)
    expect(await attempts(3600)).toBe(4)
    expect(told.local.counters()).toMatchObject({ webhooksSent: 4, webhooksAccepted: 1, webhooksRetried: 3 })
    expect(told.local.webhooks()).toMatchObject([{ state: 'accepted', attempts: 4, answer: '200' }])
  })

  test('is given up after three days', async () => {
    const told = await startTold()
    told.receiver.answer(302)
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    told.local.advance(72 * 3600 + 1)
    await told.local.flushWebhooks()
    expect(told.local.webhooks()).toMatchObject([{ state: 'abandoned', attempts: 2, answer: '302' }])
    expect(told.local.counters().webhooksAbandoned).toBe(1)
  })

  test('does not keep the events of other posts waiting', async () => {
    const told = await startTold({ webhookRetryMs: 60_000 })
    told.local.injectFault({ endpoint: 'webhook', nth: 1, effect: { kind: 'dropBefore' } })
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    const second = await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    expect(told.receiver.received.map(({ about }) => about.publish_id)).toEqual([second])
  })

  test.each([
    ['dropBefore', { kind: 'dropBefore' }, ['complete'], 'not sent'],
    ['dropAfter', { kind: 'dropAfter' }, ['complete', 'complete'], 'answer lost'],
    ['garble', { kind: 'garble' }, ['unreadable'], '200'],
    ['status', { kind: 'status', status: 500 }, ['complete'], '500'],
    ['delay', { kind: 'delay', delayMs: 20 }, ['complete'], '200'],
  ] as const)('may be so by a fault (%s)', async (_, effect, events, answer) => {
    const told = await startTold()
    told.local.injectFault({ endpoint: 'webhook', account: 'ann', nth: 1, effect })
    await postVideo(told, { privacy_level: 'SELF_ONLY' })
    await told.local.flushWebhooks()
    expect(told.local.webhooks()).toMatchObject([{ answer }])
    told.local.advance(60)
    await told.local.flushWebhooks()
    expect(told.receiver.events()).toEqual(events)
    expect(told.local.counters().faults).toBe(1)
  })
})

test('an event of any name can be told by hand', async () => {
  const told = await startTold()
  told.local.sendWebhook('video.upload.failed', 'ann', { share_id: 'legacy' })
  await told.local.flushWebhooks()
  expect(told.receiver.received).toMatchObject([
    { event: 'video.upload.failed', about: { share_id: 'legacy' } },
  ])
  expect(() => told.local.sendWebhook('x', 'nobody', {})).toThrow('no account nobody')
})

test('a stop ends what is under way at once', async () => {
  const told = await startTold()
  told.local.injectFault({ endpoint: 'webhook', nth: 1, effect: { kind: 'delay', delayMs: 600_000 } })
  await postVideo(told, { privacy_level: 'SELF_ONLY' })
  await until(
    async () => told.local.counters().faults,
    (faults) => faults === 1,
  )
  await told.local.stop()
  expect(told.receiver.events()).toEqual([])
})
