import { describe, expect, it } from 'vitest'
import {
  applyPlanAction,
  type PlanAction,
  type PlanActionResult,
} from '../../../src/commands/plan/apply-plan-action.ts'
import { updateSlot } from '../../../src/commands/plan/update-slot.ts'
import type { DrivenJob } from '../../support/driven-job.ts'
import { createHarness } from './harness.ts'

const harness = await createHarness()
const { db } = harness.database.runtime

async function planOf({ jobId }: DrivenJob): Promise<string> {
  const { plan_id: planId } = await db
    .selectFrom('slot')
    .innerJoin('machine_instance as job', 'job.slot_id', 'slot.id')
    .select('plan_id')
    .where('job.id', '=', jobId)
    .executeTakeFirstOrThrow()
  return planId
}

async function applyAction(
  job: DrivenJob,
  event: PlanAction,
): Promise<Extract<PlanActionResult, { kind: 'done' }>> {
  const { organizationId } = job
  const planId = await planOf(job)
  const applied = await db
    .transaction()
    .execute((tx) => applyPlanAction(tx, harness.deps, { organizationId, planId, event }))
  if (applied.kind !== 'done') throw new Error(JSON.stringify(applied))
  return applied
}

/** A job that a scan started, with its plan on autopilot. */
async function startByScan(options: Parameters<typeof harness.start>[0] = {}) {
  const started = await harness.start(options)
  await db
    .updateTable('machine_instance')
    .set({ started_by: 'scan' })
    .where('id', '=', started.job.jobId)
    .execute()
  await db
    .updateTable('plan')
    .set({ autopilot: true })
    .where('id', '=', await planOf(started.job))
    .execute()
  return started
}

const changeCaption = (job: DrivenJob) =>
  db
    .updateTable('slot')
    .set({ caption: 'Never approved' })
    .where('id', '=', db.selectFrom('machine_instance').select('slot_id').where('id', '=', job.jobId))
    .execute()

const stops = [
  ['archived', 'PLAN_ARCHIVED', (job: DrivenJob) => applyAction(job, { type: 'archive' })],
  ['locked', 'PLAN_LOCKED', (job: DrivenJob) => applyAction(job, { type: 'lock' })],
  [
    'off autopilot',
    'AUTOPILOT_OFF',
    (job: DrivenJob) => applyAction(job, { type: 'setAutopilot', on: false }),
  ],
  ['changed by SQL', 'APPROVAL_STALE', changeCaption],
] as const
const states = [
  'checkingMedia',
  'awaitingSlot',
  'publishing.preparing',
  'publishing.initialising',
  'publishing.uploading',
] as const

const completePosts = (local: { posts(): readonly { bytes: number; size: number }[] }) =>
  local.posts().filter(({ bytes, size }) => bytes === size)

describe.each(stops)('a plan that is %s after its job was started', (_name, code, stop) => {
  it.each(states)('has no post published by a job in %s', async (state) => {
    const { job, account } = await startByScan()
    await job.advance(state)
    await stop(job)
    await job.advance(({ failure }) => failure?.code === code)
    expect(completePosts(account.tiktok)).toEqual([])
    // The job waits until the slot is too late, and then needs a person.
    await job.advance()
    expect(await job.context()).toMatchObject({ sentAt: null })
    expect(completePosts(account.tiktok)).toEqual([])
  })
})

describe('a locked plan', () => {
  it('holds its job, which shows why at once and goes on when the plan is unlocked', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    expect(await applyAction(job, { type: 'lock' })).toMatchObject({
      heldJobs: [job.jobId],
      unstoppableJobs: [],
      transitionedJobs: [job.jobId],
    })
    expect(await job.advance('held')).toBe('held')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'PLAN_LOCKED' } })
    expect(await applyAction(job, { type: 'unlock' })).toMatchObject({
      heldJobs: [],
      transitionedJobs: [job.jobId],
    })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('lets its job go on when it is unlocked by SQL, without a notification', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    await applyAction(job, { type: 'lock' })
    await db
      .updateTable('plan')
      .set({ locked: false })
      .where('id', '=', await planOf(job))
      .execute()
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('stops its job before the last chunk, and lets it go on with the same post', async () => {
    const { job, account } = await harness.start({ video: { isLarge: true } })
    await job.advance(({ nextChunk }) => nextChunk === 2)
    expect(await applyAction(job, { type: 'lock' })).toMatchObject({ heldJobs: [job.jobId] })
    expect(await job.advance('held')).toBe('held')
    expect(completePosts(account.tiktok)).toEqual([])
    await applyAction(job, { type: 'unlock' })
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ initAttempts: 1 })
  })

  it('names the job whose post can no longer be stopped', async () => {
    const { job } = await harness.start({ simulatorSettings: { moderationMs: 3_600_000 } })
    await job.advance('publishing.uploading')
    expect(await applyAction(job, { type: 'lock' })).toMatchObject({
      heldJobs: [],
      unstoppableJobs: [job.jobId],
    })
    await applyAction(job, { type: 'unlock' })
    await job.advance('watching.inModeration')
    expect(await applyAction(job, { type: 'lock' })).toMatchObject({
      heldJobs: [],
      unstoppableJobs: [job.jobId],
    })
    expect(await job.advance()).toBe('published')
  })

  it('keeps its job held when it is unlocked while its autopilot is off', async () => {
    const { job } = await startByScan()
    await job.advance('awaitingSlot')
    await applyAction(job, { type: 'setAutopilot', on: false })
    await applyAction(job, { type: 'lock' })
    expect(await job.context()).toMatchObject({ failure: { code: 'PLAN_LOCKED' } })
    expect(await applyAction(job, { type: 'unlock' })).toMatchObject({ heldJobs: [job.jobId] })
    expect(await job.context()).toMatchObject({ failure: { code: 'AUTOPILOT_OFF' } })
    await applyAction(job, { type: 'setAutopilot', on: true })
    expect(await job.advance()).toBe('published')
  })
})

describe('a job that a person started', () => {
  it('goes on when the autopilot is turned off', async () => {
    const { job } = await harness.start()
    await job.advance('awaitingSlot')
    expect(await applyAction(job, { type: 'setAutopilot', on: false })).toMatchObject({ heldJobs: [] })
    expect(await job.advance()).toBe('published')
  })
})

describe('a caption that was changed after its job was started', () => {
  it('holds the job at once, and is posted once it is approved', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    const { organizationId, jobId } = job
    const { slot_id: slotId } = await db
      .selectFrom('machine_instance')
      .select('slot_id')
      .where('id', '=', jobId)
      .executeTakeFirstOrThrow()
    const request = { organizationId, slotId: slotId ?? '', change: { caption: 'Another' } }
    const updated = await db.transaction().execute((tx) => updateSlot(tx, harness.deps, request))
    expect(updated).toMatchObject({ heldJobs: [jobId], unstoppableJobs: [], transitionedJobs: [jobId] })
    expect((await job.history()).at(-1)).toBe('held')
    expect(await job.context()).toMatchObject({ failure: { code: 'NOT_APPROVED' } })
    await applyAction(job, { type: 'submit' })
    expect(await applyAction(job, { type: 'approve' })).toMatchObject({
      heldJobs: [],
      transitionedJobs: [jobId],
    })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ title: 'Another' }])
  })
})

describe('a caption that was changed by SQL', () => {
  it('is posted once the plan is approved again: the job that needed a person goes on', async () => {
    const { job, account } = await harness.start()
    await job.advance('awaitingSlot')
    await changeCaption(job)
    expect(await job.advance()).toBe('needsPerson')
    await db
      .updateTable('plan')
      .set({ state: 'inReview' })
      .where('id', '=', await planOf(job))
      .execute()
    expect(await applyAction(job, { type: 'approve' })).toMatchObject({
      heldJobs: [],
      transitionedJobs: [job.jobId],
    })
    expect(await job.advance()).toBe('published')
    expect(account.tiktok.posts()).toMatchObject([{ title: 'Never approved' }])
  })

  it('is posted by another init: the post with the earlier caption is dropped', async () => {
    const { job, account } = await harness.start({ video: { isLarge: true } })
    await job.advance(({ nextChunk }) => nextChunk === 2)
    await changeCaption(job)
    await db
      .updateTable('plan')
      .set({ state: 'inReview' })
      .where('id', '=', await planOf(job))
      .execute()
    await applyAction(job, { type: 'approve' })
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ initAttempts: 2 })
    expect(completePosts(account.tiktok)).toMatchObject([{ title: 'Never approved' }])
  })
})
