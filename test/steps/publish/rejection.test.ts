import { describe, expect, it } from 'vitest'
import type { Verdict } from '../../../machines/rules/failure.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import { nextStepFor, verdictFor } from '../../../src/verdict/failure-verdict.ts'
import { createHarness } from './harness.ts'
import { publishedStates, sentStates, storedStates, uploadingStates } from './timeline.ts'

const harness = await createHarness()
const { db } = harness.database.runtime

/** A post that TikTok will fail with this reason. */
const failing = (reason: string) => ({ slot: { caption: `A day [[local:${reason}]]` } })

/** The reasons of a failed post in TikTok's documents, and their verdicts. */
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
    'for %s ends its job as %s with a next step, and is never opened again',
    async (reason, verdict) => {
      const { job, account } = await harness.start(failing(reason))
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
      // The job has ended: a retry would be refused.
      expect(nextStep).not.toMatch(/retry/i)
      await account.advanceClock(7 * 86_400)
      expect(account.tiktok.posts()).toMatchObject([{ status: 'FAILED', failReason: reason }])
    },
  )

  it('for an unknown reason needs the operator, is counted, and is never opened again', async () => {
    const { job, account } = await harness.start(failing('the_moon_is_full'))
    expect(await job.advance()).toBe('failed')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_OPERATOR', code: 'the_moon_is_full', source: 'post' },
      initAttempts: 1,
    })
    const counted = await db
      .selectFrom('unrecognised_code')
      .select(['source', 'code', 'occurrences'])
      .execute()
    expect(counted).toEqual([{ source: 'post', code: 'the_moon_is_full', occurrences: 1 }])
    expect(account.tiktok.counters()).toMatchObject({ inits: 1 })
  })

  it('by webhook ends its job in the same way', async () => {
    const { job, account } = await harness.start({ ...failing('spam_risk_text'), webhooks: 'handled' })
    expect(await job.advance()).toBe('failed')
    const states = [...storedStates, ...uploadingStates(), 'watching.accepted', 'closing', 'failed']
    expect(await job.history()).toEqual(states)
    expect(await job.context()).toMatchObject({ failure: { verdict: 'FIX_MEDIA', code: 'spam_risk_text' } })
    expect(account.requests).not.toContain('status/fetch')
  })
})

describe.each(['internal', 'video_pull_failed', 'photo_pull_failed'])(
  'a post that TikTok fails as %s',
  (reason) => {
    const rejectedStates = [
      ...uploadingStates(),
      ...sentStates,
      'publishing.backingOff',
      'awaitingSlot',
    ] as const

    it('is opened again, as TikTok permits, and ends in one post', async () => {
      const { job, account } = await harness.start(failing(reason))
      await job.advance('publishing.backingOff')
      expect(await job.context()).toMatchObject({
        failure: { verdict: 'RETRY_AFTER', code: reason, source: 'post' },
        post: null,
      })
      // The simulator fails every post whose title has the directive.
      const slot = db.updateTable('slot').set({ caption: 'A day' })
      const { plan_id: planId } = await slot
        .where('id', '=', (await job.context()).slotId)
        .returning('plan_id')
        .executeTakeFirstOrThrow()
      await approveSlots(db, harness.organizationId, planId)
      expect(await job.advance()).toBe('published')
      expect(await job.history()).toEqual([
        ...storedStates,
        ...rejectedStates,
        ...uploadingStates(),
        ...sentStates,
        ...publishedStates,
      ])
      const { publicPostIds, initAttempts } = await job.context()
      expect(initAttempts).toBe(2)
      expect(account.tiktok.posts()).toMatchObject([
        { status: 'FAILED', failReason: reason, postIds: [] },
        { status: 'PUBLISH_COMPLETE', postIds: publicPostIds },
      ])
    })

    it('five times in a row ends its job, and the next step does not promise a sixth', async () => {
      const { job, account } = await harness.start(failing(reason))
      expect(await job.advance()).toBe('failed')
      expect(await job.history()).toEqual([
        ...storedStates,
        ...Array(4).fill(rejectedStates).flat(),
        ...uploadingStates(),
        ...sentStates,
        'closing',
        'failed',
      ])
      const { failure } = await job.context()
      expect(failure).toMatchObject({ verdict: 'PERMANENT', code: reason, source: 'post' })
      expect(failure && nextStepFor(failure)).toContain('plan a new post')
      expect(account.tiktok.posts().map(({ status }) => status)).toEqual(Array(5).fill('FAILED'))
    })
  },
)
