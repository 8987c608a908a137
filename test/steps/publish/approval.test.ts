import { describe, expect, it } from 'vitest'
import { updateSlot } from '../../../src/commands/plan/update-slot.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import type { DrivenJob } from '../../support/driven-job.ts'
import { createHarness } from './harness.ts'

const harness = await createHarness()
const { db } = harness.database.runtime

/** Changes a job's slot by SQL, without the API. */
async function change(
  { jobId }: DrivenJob,
  change: { caption?: string; approved_hash?: null },
): Promise<void> {
  const ofJob = db.selectFrom('machine_instance').select('slot_id').where('id', '=', jobId)
  await db.updateTable('slot').set(change).where('id', '=', ofJob).execute()
}

/** Approves the current plan of a job's slot. */
async function approve({ jobId, organizationId }: DrivenJob): Promise<void> {
  const { plan_id: planId } = await db
    .selectFrom('slot')
    .innerJoin('machine_instance as job', 'job.slot_id', 'slot.id')
    .select('plan_id')
    .where('job.id', '=', jobId)
    .executeTakeFirstOrThrow()
  await approveSlots(db, organizationId, planId)
}

describe('a caption that was changed by SQL after its approval', () => {
  it('is not posted: the job needs a person, and a retry posts what they approve', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    await change(job, { caption: 'Never approved' })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'APPROVAL_STALE' },
      initAttempts: 0,
    })
    expect(account.tiktok.posts()).toEqual([])

    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('needsPerson')
    expect(account.tiktok.posts()).toEqual([])

    await approve(job)
    await job.sendEvent({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ title: 'Never approved', status: 'PUBLISH_COMPLETE' }])
  })
})

describe('a slot whose approval was withdrawn', () => {
  it('holds its job until it is approved again', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    await change(job, { approved_hash: null })
    await job.advance(({ failure }) => failure?.code === 'NOT_APPROVED')
    expect(account.tiktok.posts()).toEqual([])
    expect(await job.advance('held')).toBe('held')
    await approve(job)
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ initAttempts: 1 })
  })
})

describe('the privacy of a claimed slot', () => {
  it.each([
    ['PUBLIC_TO_EVERYONE', 'SELF_ONLY', 'private'],
    ['SELF_ONLY', 'PUBLIC_TO_EVERYONE', 'public'],
  ] as const)(
    'can be changed from %s to %s until its post is opened',
    async (before, privacy, visibility) => {
      const { job, account } = await harness.start({
        slot: { privacy: before },
        simulatorSettings: { moderationMs: 60_000 },
      })
      await job.advance('awaitingSlot')
      const { organizationId, jobId } = job
      const { slot_id: slotId } = await db
        .selectFrom('machine_instance')
        .select('slot_id')
        .where('id', '=', jobId)
        .executeTakeFirstOrThrow()
      const edit = () =>
        db
          .transaction()
          .execute((tx) =>
            updateSlot(tx, harness.deps, { organizationId, slotId: slotId ?? '', change: { privacy } }),
          )
      expect(await edit()).toMatchObject({ kind: 'done' })
      await db
        .updateTable('plan')
        .set({ state: 'approved' })
        .where('id', '=', db.selectFrom('slot').select('plan_id').where('id', '=', slotId))
        .execute()
      await approve(job)

      await job.advance('publishing.uploading')
      expect(await edit()).toMatchObject({ kind: 'claimed' })
      expect(await job.advance()).toBe('published')
      expect(await job.context()).toMatchObject({ visibility, initAttempts: 1 })
      expect(account.tiktok.posts()).toMatchObject([{ privacyLevel: privacy, status: 'PUBLISH_COMPLETE' }])
      const moderated = (await job.history()).includes('watching.inModeration')
      expect(moderated).toBe(visibility === 'public')
    },
  )
})
