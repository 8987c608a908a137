import { describe, expect, it } from 'vitest'
import { createHarness } from './harness.ts'
import { publishedStates, storedStates } from './timeline.ts'

const stage = await createHarness()

describe('a video that TikTok would not take', () => {
  it('for its frame rate is stopped with the rule and the value, before any call', async () => {
    const { job, at } = await stage.start({ video: { framesPerSecond: 15 } })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.history()).toEqual(['checkingMedia', 'needsPerson'])
    const { failure, checked } = await job.context()
    expect(failure).toMatchObject({ verdict: 'FIX_MEDIA', code: 'MEDIA_FRAMERATE' })
    expect(failure?.message).toContain('its frameRate is 15, the limit is 23')
    expect(checked).toBe(false)
    expect(at.requests).toEqual([])
  })

  it('of this creator, whose limit is known from their last post, is stopped in the same way', async () => {
    const { job: first, at } = await stage.start({ creator: { maxDurationSeconds: 2 } })
    expect(await first.advance()).toBe('published')
    const calls = at.requests.length

    const second = await at.start({ video: { seconds: 3 } })
    expect(await second.advance()).toBe('needsPerson')
    expect(await second.history()).toEqual(['checkingMedia', 'needsPerson'])
    const { failure } = await second.context()
    expect(failure).toMatchObject({ verdict: 'FIX_MEDIA', code: 'MEDIA_DURATION' })
    expect(failure?.message).toContain('its duration is 3, the limit is 2')
    expect(at.requests).toHaveLength(calls)
  })

  it('of a creator whose limit was not known is stopped when it is, before the init', async () => {
    const { job, at } = await stage.start({ creator: { maxDurationSeconds: 2 }, video: { seconds: 3 } })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.history()).toEqual([...storedStates, 'publishing.preparing', 'needsPerson'])
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'FIX_MEDIA', code: 'POST_DURATION' },
      initAttempts: 0,
    })
    expect(at.requests).toEqual(['creator_info/query'])
  })
})

describe('a video at the edge of the rules', () => {
  it.each([{ framesPerSecond: 23 }, { framesPerSecond: 60 }])('of %j goes out', async (video) => {
    const { job, at } = await stage.start({ video })
    expect(await job.advance()).toBe('published')
    expect((await job.history()).slice(-2)).toEqual(publishedStates)
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })
})
