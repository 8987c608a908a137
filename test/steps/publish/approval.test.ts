import { describe, expect, it } from 'vitest'
import { updateSlot } from '../../../src/commands/plan/update-slot.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import type { RehearsedJob } from '../../support/rehearsed-job.ts'
import { createHarness } from './harness.ts'

const stage = await createHarness()
const { db } = stage.database.runtime

/** Changes the slot of a job past the API. */
async function change(
  { jobId }: RehearsedJob,
  change: { caption?: string; approved_hash?: null },
): Promise<void> {
  const ofJob = db.selectFrom('machine_instance').select('slot_id').where('id', '=', jobId)
  await db.updateTable('slot').set(change).where('id', '=', ofJob).execute()
}

/** A person approves the plan of a job's slot as it is now. */
async function approve({ jobId, organizationId }: RehearsedJob): Promise<void> {
  const { plan_id: planId } = await db
    .selectFrom('slot')
    .innerJoin('machine_instance as job', 'job.slot_id', 'slot.id')
    .select('plan_id')
    .where('job.id', '=', jobId)
    .executeTakeFirstOrThrow()
  await approveSlots(db, organizationId, planId)
}

describe('a caption that was changed by SQL after its approval', () => {
  it('is not posted: a person decides, and what they approve is posted at a retry', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    await change(job, { caption: 'Never approved' })
    expect(await job.advance()).toBe('needsPerson')
    expect(await job.context()).toMatchObject({
      failure: { verdict: 'NEEDS_USER', code: 'APPROVAL_STALE' },
      initAttempts: 0,
    })
    expect(at.local.posts()).toEqual([])

    await job.send({ type: 'retry' })
    expect(await job.advance()).toBe('needsPerson')
    expect(at.local.posts()).toEqual([])

    await approve(job)
    await job.send({ type: 'retry' })
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ title: 'Never approved', status: 'PUBLISH_COMPLETE' }])
  })
})

describe('a slot whose approval was taken back', () => {
  it('is not posted before it is approved again; then its job goes on by itself', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    await change(job, { approved_hash: null })
    await job.advance(({ failure }) => failure?.code === 'NOT_APPROVED')
    expect(at.local.posts()).toEqual([])
    expect(await job.advance('held')).toBe('held')
    await approve(job)
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ initAttempts: 1 })
  })
})

describe('the privacy of a slot that a job works by', () => {
  it.each([
    ['PUBLIC_TO_EVERYONE', 'SELF_ONLY', 'private'],
    ['SELF_ONLY', 'PUBLIC_TO_EVERYONE', 'public'],
  ] as const)('goes from %s to %s until its post is opened', async (before, privacy, visibility) => {
    const { job, at } = await stage.start({
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
          updateSlot(tx, stage.deps, { organizationId, slotId: slotId ?? '', change: { privacy } }),
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
    expect(at.local.posts()).toMatchObject([{ privacyLevel: privacy, status: 'PUBLISH_COMPLETE' }])
    const moderated = (await job.history()).includes('watching.inModeration')
    expect(moderated).toBe(visibility === 'public')
  })
})
