import { describe, expect, it } from 'vitest'
import type { RehearsedJob } from '../../support/rehearsed-job.ts'
import { createHarness } from './harness.ts'
import { publishedStates, sentStates, storedStates, uploadingStates } from './timeline.ts'

const stage = await createHarness()
const { db } = stage.database.runtime
const uploaded = [...storedStates, ...uploadingStates(), 'watching.accepted']

/** What happened to it last, as those who subscribe are told. */
async function lastEvent({ jobId }: RehearsedJob) {
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
  it('that is lost is made up for by polling', async () => {
    const { job, at } = await stage.start({ webhooks: 'heard', simulatorSettings: { loseWebhooks: 1 } })
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect(at.local.counters()).toMatchObject({ inits: 1, webhooksLost: 2, webhooksSent: 0 })
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
  })

  it('that comes publishes without a single poll', async () => {
    const { job, at } = await stage.start({ webhooks: 'kept' })
    await job.advance('watching.accepted')
    expect(await job.receiveWebhooks()).toEqual(['moved', 'moved'])
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([...uploaded, 'watching.inModeration', ...publishedStates])
    expect(at.requests).not.toContain('status/fetch')
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
  })

  it('that is told twice, or after a later one, makes no second change', async () => {
    const disorder = { duplicateWebhooks: 1, reorderWebhooks: 1 }
    const { job, at } = await stage.start({ webhooks: 'kept', simulatorSettings: disorder })
    await job.advance('watching.accepted')
    // Completed and public, in the order of coming: the first one waited to be overtaken.
    expect(await job.receiveWebhooks()).toEqual(['moved', 'noChange'])
    expect(at.local.counters()).toMatchObject({ webhooksAccepted: 4 })
    expect(await job.advance()).toBe('published')
    const history = await job.history()
    expect(history).toEqual([...uploaded, ...publishedStates])

    for (const { body } of at.local.webhooks()) await at.tell(body)
    expect(await job.receiveWebhooks()).toEqual([])
    expect(await job.history()).toEqual(history)
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
  })
})

describe('weeks later', () => {
  const taken = async () => {
    const started = await stage.start({ webhooks: 'kept' })
    const { job, at } = started
    await job.advance()
    await job.receiveWebhooks()
    await at.pass(21 * 86_400)
    const [post] = at.local.posts()
    at.local.takeDown(post?.publishId ?? '')
    return { ...started, post }
  }

  it('a takedown is a state and an event', async () => {
    const { job, at, post } = await taken()
    expect(await job.receiveWebhooks()).toEqual(['moved'])
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
      tag: 'resting',
    })
    expect(await job.context()).toMatchObject({ visibility: 'hidden', publicPostIds: post?.postIds })
    expect(at.local.posts()).toMatchObject([{ stage: 'taken down' }])
  })

  it('a post that is shown again is published again, whatever is repeated of its takedown', async () => {
    const { job, at, post } = await taken()
    const down = at.local.webhooks().at(-1)
    await job.receiveWebhooks()
    await at.pass(86_400)
    const about = { publish_id: post?.publishId, publish_type: 'DIRECT_POST', post_id: post?.postIds[0] }
    at.local.sendWebhook('post.publish.publicly_available', at.username, about)
    expect(await job.receiveWebhooks()).toEqual(['moved'])
    expect(await job.advance()).toBe('published')
    expect(await lastEvent(job)).toMatchObject({ from: 'takenDown', to: 'published', event: 'postShown' })
    expect(await job.context()).toMatchObject({ visibility: 'public', publicPostIds: post?.postIds })

    await at.tell(down?.body ?? '')
    expect(await job.receiveWebhooks()).toEqual([])
    expect((await job.history()).slice(-2)).toEqual(['takenDown', 'published'])
  })

  it('the later of a takedown and a showing counts, also when it is told first', async () => {
    const { job, at } = await stage.start({ webhooks: 'kept' })
    await job.advance()
    await job.receiveWebhooks()
    const [post] = at.local.posts()
    await at.pass(21 * 86_400)
    at.local.takeDown(post?.publishId ?? '')
    const down = at.local.webhooks().at(-1)?.body ?? ''
    await at.pass(86_400)
    const about = { publish_id: post?.publishId, publish_type: 'DIRECT_POST', post_id: post?.postIds[0] }
    at.local.sendWebhook('post.publish.publicly_available', at.username, about)
    const shown = at.local.webhooks().at(-1)?.body ?? ''

    await at.tell(shown)
    expect(await job.receiveWebhooks()).toContain('noChange')
    await at.tell(down)
    await job.receiveWebhooks()
    expect(await job.advance()).toBe('published')
    expect(await job.history()).not.toContain('takenDown')
  })
})

describe('a draft', () => {
  const delivered = async () => {
    const started = await stage.start({ slot: { mode: 'draft' }, webhooks: 'kept' })
    const { job, at } = started
    await job.advance()
    await job.receiveWebhooks()
    return { ...started, publishId: at.local.posts()[0]?.publishId ?? '' }
  }

  it('ends its job when it lies in the inbox', async () => {
    const { job, at } = await delivered()
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      'closing',
      'delivered',
    ])
    expect(at.requests).toEqual(['inbox/video/init', at.requests[1], 'status/fetch'])
    expect(at.local.posts()).toMatchObject([{ mode: 'draft', status: 'SEND_TO_USER_INBOX' }])
    expect(await job.context()).toMatchObject({ ending: 'delivered', publicPostIds: [], visibility: null })
  })

  it('is published when its creator posts it days later, and has both ids when they post it twice', async () => {
    const { job, at, publishId } = await delivered()
    const course = [...storedStates, ...uploadingStates(), ...sentStates, 'closing', 'delivered']
    await at.pass(3 * 86_400)
    at.local.postDraft(publishId)
    expect(await job.receiveWebhooks()).toEqual(['moved', 'moved'])
    const [first] = at.local.posts()[0]?.postIds ?? []
    expect(await job.history()).toEqual([...course, 'published', 'published'])
    expect(await job.context()).toMatchObject({ publicPostIds: [first], visibility: 'public' })

    await at.pass(86_400)
    at.local.postDraft(publishId)
    expect(await job.receiveWebhooks()).toEqual(['noChange', 'moved'])
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([...course, 'published', 'published', 'published'])
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
    expect((await job.context()).publicPostIds).toHaveLength(2)
    expect(at.local.counters()).toMatchObject({ inits: 1, inboxInits: 1 })
  })

  it('that its creator posts for nobody but themselves is published, and private', async () => {
    const { job, at, publishId } = await delivered()
    at.local.postDraft(publishId, false)
    expect(await job.receiveWebhooks()).toEqual(['moved'])
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ publicPostIds: [], ending: 'published' })
  })

  it('that was posted before anybody looked is published with its id', async () => {
    const { job, at } = await stage.start({ slot: { mode: 'draft' } })
    await job.advance('watching.accepted')
    at.local.postDraft(at.local.posts()[0]?.publishId ?? '')
    expect(await job.advance()).toBe('published')
    expect(await job.history()).toEqual([
      ...storedStates,
      ...uploadingStates(),
      ...sentStates,
      ...publishedStates,
    ])
    expect((await job.context()).publicPostIds).toEqual(at.local.posts()[0]?.postIds)
  })
})
