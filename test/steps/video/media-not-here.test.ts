import { rename } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { nextStepFor } from '../../../src/verdict/failure-verdict.ts'
import { createHarness } from '../publish/harness.ts'
import { publishedStates } from '../publish/timeline.ts'

const harness = await createHarness()

it.each(['checkingMedia', 'publishing.preparing', 'publishing.uploading'])(
  'a job whose worker does not see its video in %s needs a person at once',
  async (state) => {
    const { job, account } = await harness.start({ video: { framesPerSecond: 24 } })
    expect(await job.advance(state)).toBe(state)
    const { media } = await job.context()
    const file = harness.storage.locationOf(harness.organizationId, media?.sha256 ?? '')
    await rename(file, `${file}.elsewhere`)
    expect(await job.advance()).toBe('needsPerson')
    expect((await job.history()).slice(-2)).toEqual([state, 'needsPerson'])
    const { failure } = await job.context()
    expect(failure).toMatchObject({ verdict: 'NEEDS_OPERATOR', code: 'MEDIA_NOT_HERE' })
    expect(failure && nextStepFor(failure)).toMatch(/all workers the same storage directory/)

    await rename(`${file}.elsewhere`, file)
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect((await job.history()).slice(-2)).toEqual(publishedStates)
    expect(account.tiktok.posts()).toHaveLength(1)
  },
)
