import { describe, expect, it } from 'vitest'
import type { DrivenJob } from '../../support/driven-job.ts'
import { createHarness } from './harness.ts'
import { publishedStates, sentStates, storedStates, uploadingStates } from './timeline.ts'

const harness = await createHarness()
const { db } = harness.database.runtime
const uploadedStates = [...storedStates, ...uploadingStates(), 'watching.accepted']

/** The job's last event, as subscribers receive it. */
async function lastEvent({ jobId }: DrivenJob) {
  const event = await db
    .selectFrom('event')
    .select(['type', 'payload'])
    .where('job_id', '=', jobId)
    .orderBy('sequence', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow()
  return { type: event.type, ...event.payload }
}

describe('a webhook', () => {
  it('that is lost is replaced by polling', async () => {
    const { job, account } = await harness.start({
      webhooks: 'handled',
      simulatorSettings: { loseWebhooks: 1 },
    })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, webhooksLost: 2, webhooksSent: 0 })
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
  })

  it('that arrives publishes the job without a poll', async () => {
    const { job, account } = await harness.start({ webhooks: 'stored' })
    await job.advance('watching.accepted')
    expect(await job.receiveWebhooks()).toEqual(['applied', 'applied'])
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([...uploadedStates, 'watching.inModeration', ...publishedStates])
    expect(account.requests).not.toContain('status/fetch')
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
  })

  it('that is repeated, or arrives after a later one, makes no second change', async () => {
    const disorder = { duplicateWebhooks: 1, reorderWebhooks: 1 }
    const { job, account } = await harness.start({ webhooks: 'stored', simulatorSettings: disorder })
    await job.advance('watching.accepted')
    // In the order of arrival, public comes before completed, because the first was delayed.
    expect(await job.receiveWebhooks()).toEqual(['applied', 'noChange'])
    expect(account.tiktok.counters()).toMatchObject({ webhooksAccepted: 4 })
    expect(await job.advance()).toBe('published')
    const history = await job.history()
    expect(history).toEqual([...uploadedStates, ...publishedStates])

    for (const { body } of account.tiktok.webhooks()) await account.deliverWebhook(body)
    expect(await job.receiveWebhooks()).toEqual([])
    expect(await job.history()).toEqual(history)
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
  })
})

describe('weeks after publication', () => {
  const takenDown = async () => {
    const started = await harness.start({ webhooks: 'stored' })
    const { job, account } = started
    await job.advance()
    await job.receiveWebhooks()
    await account.advanceClock(21 * 86_400)
    const [post] = account.tiktok.posts()
    account.tiktok.takeDown(post?.publishId ?? '')
    return { ...started, post }
  }

  it('a takedown is a state and an event of the job', async () => {
    const { job, account, post } = await takenDown()
    expect(await job.receiveWebhooks()).toEqual(['applied'])
    expect(await job.advance()).toBe('takenDown')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
      'takenDown',
    ])
    expect(await lastEvent(job)).toMatchObject({
      type: 'job.transitioned',
      from: 'published',
      to: 'takenDown',
      event: 'postHidden',
      tag: 'settled',
    })
    expect(await job.context()).toMatchObject({ visibility: 'hidden', publicPostIds: post?.postIds })
    expect(account.tiktok.posts()).toMatchObject([{ stage: 'taken down' }])
  })

  it('a post that is public again is published again, and ignores a repeated takedown', async () => {
    const { job, account, post } = await takenDown()
    const takedown = account.tiktok.webhooks().at(-1)
    await job.receiveWebhooks()
    await account.advanceClock(86_400)
    const content = { publish_id: post?.publishId, publish_type: 'DIRECT_POST', post_id: post?.postIds[0] }
    account.tiktok.sendWebhook('post.publish.publicly_available', account.username, content)
    expect(await job.receiveWebhooks()).toEqual(['applied'])
    expect(await job.advance()).toBe('published')
    expect(await lastEvent(job)).toMatchObject({ from: 'takenDown', to: 'published', event: 'postShown' })
    expect(await job.context()).toMatchObject({ visibility: 'public', publicPostIds: post?.postIds })

    await account.deliverWebhook(takedown?.body ?? '')
    expect(await job.receiveWebhooks()).toEqual([])
    expect((await job.history()).slice(-2)).toEqual(['takenDown', 'published'])
  })

  it('the later of a takedown and a publication counts, even if it arrives first', async () => {
    const { job, account } = await harness.start({ webhooks: 'stored' })
    await job.advance()
    await job.receiveWebhooks()
    const [post] = account.tiktok.posts()
    await account.advanceClock(21 * 86_400)
    account.tiktok.takeDown(post?.publishId ?? '')
    const takedown = account.tiktok.webhooks().at(-1)?.body ?? ''
    await account.advanceClock(86_400)
    const content = { publish_id: post?.publishId, publish_type: 'DIRECT_POST', post_id: post?.postIds[0] }
    account.tiktok.sendWebhook('post.publish.publicly_available', account.username, content)
    const publication = account.tiktok.webhooks().at(-1)?.body ?? ''

    await account.deliverWebhook(publication)
    expect(await job.receiveWebhooks()).toContain('noChange')
    await account.deliverWebhook(takedown)
    await job.receiveWebhooks()
    expect(await job.advance()).toBe('published')
    expect(await job.history()).not.toContain('takenDown')
  })
})

describe('a draft', () => {
  const delivered = async () => {
    const started = await harness.start({ slot: { mode: 'draft' }, webhooks: 'stored' })
    const { job, account } = started
    await job.advance()
    await job.receiveWebhooks()
    return { ...started, publishId: account.tiktok.posts()[0]?.publishId ?? '' }
  }

  it('ends its job when it is delivered to the inbox', async () => {
    const { job, account } = await delivered()
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      'closing',
      'delivered',
    ])
    expect(account.requests).toEqual(['inbox/video/init', account.requests[1], 'status/fetch'])
    expect(account.tiktok.posts()).toMatchObject([{ mode: 'draft', status: 'SEND_TO_USER_INBOX' }])
    expect(await job.context()).toMatchObject({ ending: 'delivered', publicPostIds: [], visibility: null })
  })

  it('is published when its creator posts it days later, and has both ids when it is posted twice', async () => {
    const { job, account, publishId } = await delivered()
    const deliveredStates = [...storedStates, ...uploadingStates(), ...sentStates, 'closing', 'delivered']
    await account.advanceClock(3 * 86_400)
    account.tiktok.postDraft(publishId)
    expect(await job.receiveWebhooks()).toEqual(['applied', 'applied'])
    const [first] = account.tiktok.posts()[0]?.postIds ?? []
    expect(await job.history()).toEqual([...deliveredStates, 'published', 'published'])
    expect(await job.context()).toMatchObject({ publicPostIds: [first], visibility: 'public' })

    await account.advanceClock(86_400)
    account.tiktok.postDraft(publishId)
    expect(await job.receiveWebhooks()).toEqual(['noChange', 'applied'])
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([...deliveredStates, 'published', 'published', 'published'])
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
    expect((await job.context()).publicPostIds).toHaveLength(2)
    expect(account.tiktok.counters()).toMatchObject({ inits: 1, inboxInits: 1 })
  })

  it('that its creator posts privately is published without a public id', async () => {
    const { job, account, publishId } = await delivered()
    account.tiktok.postDraft(publishId, false)
    expect(await job.receiveWebhooks()).toEqual(['applied'])
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ publicPostIds: [], ending: 'published' })
  })

  it('that was posted before the first poll is published with its id', async () => {
    const { job, account } = await harness.start({ slot: { mode: 'draft' } })
    await job.advance('watching.accepted')
    account.tiktok.postDraft(account.tiktok.posts()[0]?.publishId ?? '')
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect((await job.context()).publicPostIds).toEqual(account.tiktok.posts()[0]?.postIds)
  })
})
