import { describe, expect, it } from 'vitest'
import { createHarness } from './harness.ts'
import { publishedStates, storedStates } from './timeline.ts'

const harness = await createHarness()

describe('a video that TikTok would refuse', () => {
  it('for its frame rate needs a person before any call, with the rule and the value', async () => {
    const { job, account } = await harness.start({ video: { framesPerSecond: 15 } })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.history()).toEqual(['checkingMedia', 'needsPerson'])
    const { failure, checked } = await job.context()
    expect(failure).toMatchObject({ verdict: 'FIX_MEDIA', code: 'MEDIA_FRAMERATE' })
    expect(failure?.message).toContain('its frameRate is 15, the limit is 23')
    expect(checked).toBe(false)
    expect(account.requests).toEqual([])
  })

  it('for the creator’s stored limit needs a person before any call', async () => {
    const { job: first, account } = await harness.start({ creator: { maxDurationSeconds: 2 } })
    expect(await first.advance()).toBe('published')
    const calls = account.requests.length

    const second = await account.start({ video: { seconds: 3 } })
    expect(await second.advance()).toBe('needsPerson')
    expect(await second.history()).toEqual(['checkingMedia', 'needsPerson'])
    const { failure } = await second.context()
    expect(failure).toMatchObject({ verdict: 'FIX_MEDIA', code: 'MEDIA_DURATION' })
    expect(failure?.message).toContain('its duration is 3, the limit is 2')
    expect(account.requests).toHaveLength(calls)
  })

  it('for a limit that was not stored yet needs a person before the init', async () => {
    const { job, account } = await harness.start({
      creator: { maxDurationSeconds: 2 },
      video: { seconds: 3 },
    })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.history()).toEqual([...storedStates, 'publishing.preparing', 'needsPerson'])
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'FIX_MEDIA', code: 'POST_DURATION' },
      initAttempts: 0,
    })
    expect(account.requests).toEqual(['creator_info/query'])
  })
})

describe('a video at a limit of the rules', () => {
  it.each([{ framesPerSecond: 23 }, { framesPerSecond: 60 }])('with %j is posted', async (video) => {
    const { job, account } = await harness.start({ video })
    expect(await job.advance()).toBe('published')
    expect((await job.history()).slice(-2)).toEqual(publishedStates)
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })
})
