import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../../machines/rules/failure.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import { nextStepFor, verdictFor } from '../../../src/verdict/failure-verdict.ts'
import { createHarness } from './harness.ts'
import { publishedStates, sentStates, storedStates, uploadingStates } from './timeline.ts'

const stage = await createHarness()
const { db } = stage.database.runtime

/** A post that TikTok will fail for this reason. */
const failing = (reason: string) => ({ slot: { caption: `A day [[local:${reason}]]` } })

/** What TikTok's documents list as reasons of a failed post, and what each means for the job. */
const reasons: readonly (readonly [reason: string, verdict: Verdict])[] = [
  ['file_format_check_failed', 'FIX_MEDIA'],
  ['duration_check_failed', 'FIX_MEDIA'],
  ['frame_rate_check_failed', 'FIX_MEDIA'],
  ['picture_size_check_failed', 'FIX_MEDIA'],
  ['publish_cancelled', 'PERMANENT'],
  ['auth_removed', 'NEEDS_USER'],
  ['spam_risk_too_many_posts', 'WAIT_CAP'],
  ['spam_risk_user_banned_from_posting', 'NEEDS_USER'],
  ['spam_risk_text', 'FIX_MEDIA'],
  ['spam_risk', 'NEEDS_USER'],
]

describe('a post that TikTok rejects', () => {
  it.each(reasons)(
    'for %s ends as %s with a next step, and is never opened again',
    async (reason, verdict) => {
      const { job, at } = await stage.start(failing(reason))
      expect(await job.advance()).toBe('failed')
      expect(await job.history()).toEqual([
        ...storedStates,
        ...uploadingStates(),
        ...sentStates,
        'closing',
        'failed',
      ])
      const failure = { verdict, code: reason, source: 'post' } as const
      expect(await job.context()).toMatchObject({ failure, initAttempts: 1, publicPostIds: [] })
      const nextStep = nextStepFor(failure)
      expect(nextStep).toBe(verdictFor('post', reason).verdict.nextStep)
      // The job is over: to retry it would be refused.
      expect(nextStep).not.toMatch(/retry/i)
      await at.pass(7 * 86_400)
      expect(at.local.posts()).toMatchObject([{ status: 'FAILED', failReason: reason }])
    },
  )

  it('for a reason that nobody knows is left to the operator, counted, and never opened again', async () => {
    const { job, at } = await stage.start(failing('the_moon_is_full'))
    expect(await job.advance()).toBe('failed')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_OPERATOR', code: 'the_moon_is_full', source: 'post' },
      initAttempts: 1,
    })
    const counted = await db.selectFrom('unrecognised_code').select(['source', 'code', 'seen']).execute()
    expect(counted).toEqual([{ source: 'post', code: 'the_moon_is_full', seen: 1 }])
    expect(at.local.counters()).toMatchObject({ inits: 1 })
  })

  it('and tells so by webhook ends in the same way', async () => {
    const { job, at } = await stage.start({ ...failing('spam_risk_text'), webhooks: 'heard' })
    expect(await job.advance()).toBe('failed')
    const course = [...storedStates, ...uploadingStates(), 'watching.accepted', 'closing', 'failed']
    expect(await job.history()).toEqual(course)
    expect(await job.context()).toMatchObject({ failure: { verdict: 'FIX_MEDIA', code: 'spam_risk_text' } })
    expect(at.requests).not.toContain('status/fetch')
  })
})

describe.each(['internal', 'video_pull_failed', 'photo_pull_failed'])(
  'a post that TikTok fails as %s',
  (reason) => {
    const rejected = [...uploadingStates(), ...sentStates, 'publishing.backingOff', 'awaitingSlot'] as const

    it('is opened afresh by its leave, once its trouble is over: one post', async () => {
      const { job, at } = await stage.start(failing(reason))
      await job.advance('publishing.backingOff')
      expect(await job.context()).toMatchObject({
        failure: { verdict: 'RETRY_AFTER', code: reason, source: 'post' },
        post: null,
      })
      // What a title asks for befalls every post of that title.
      const slot = db.updateTable('slot').set({ caption: 'A day' })
      const { plan_id: planId } = await slot
        .where('id', '=', (await job.context()).slotId)
        .returning('plan_id')
        .executeTakeFirstOrThrow()
      await approveSlots(db, stage.organizationId, planId)
      expect(await job.advance()).toBe('published')
      expect(await job.history()).toEqual([
        ...storedStates,
        ...rejected,
        ...uploadingStates(),
        ...sentStates,
        ...publishedStates,
      ])
      const { publicPostIds, initAttempts } = await job.context()
      expect(initAttempts).toBe(2)
      expect(at.local.posts()).toMatchObject([
        { status: 'FAILED', failReason: reason, postIds: [] },
        { status: 'PUBLISH_COMPLETE', postIds: publicPostIds },
      ])
    })

    it('again and again is given up after five posts, and does not promise a sixth', async () => {
      const { job, at } = await stage.start(failing(reason))
      expect(await job.advance()).toBe('failed')
      expect(await job.history()).toEqual([
        ...storedStates,
        ...Array(4).fill(rejected).flat(),
        ...uploadingStates(),
        ...sentStates,
        'closing',
        'failed',
      ])
      const { failure } = await job.context()
      expect(failure).toMatchObject({ verdict: 'PERMANENT', code: reason, source: 'post' })
      expect(failure && nextStepFor(failure)).toContain('plan a new post')
      expect(at.local.posts().map(({ status }) => status)).toEqual(Array(5).fill('FAILED'))
    })
  },
)
