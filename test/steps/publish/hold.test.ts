import { describe, expect, it } from 'vitest'
import {
  applyPlanAction,
  type PlanAction,
  type PlanActionResult,
} from '../../../src/commands/plan/apply-plan-action.ts'
import { updateSlot } from '../../../src/commands/plan/update-slot.ts'
import type { RehearsedJob } from '../../support/rehearsed-job.ts'
import { createHarness } from './harness.ts'

const stage = await createHarness()
const { db } = stage.database.runtime

async function planOf({ jobId }: RehearsedJob): Promise<string> {
  const { plan_id: planId } = await db
    .selectFrom('slot')
    .innerJoin('machine_instance as job', 'job.slot_id', 'slot.id')
    .select('plan_id')
    .where('job.id', '=', jobId)
    .executeTakeFirstOrThrow()
  return planId
}

async function steer(
  job: RehearsedJob,
  event: PlanAction,
): Promise<Extract<PlanActionResult, { kind: 'done' }>> {
  const { organizationId } = job
  const planId = await planOf(job)
  const steered = await db
    .transaction()
    .execute((tx) => applyPlanAction(tx, stage.deps, { organizationId, planId, event }))
  if (steered.kind !== 'done') throw new Error(JSON.stringify(steered))
  return steered
}

/** A job that a scan has started, its plan being on autopilot. */
async function startByScan(wish: Parameters<typeof stage.start>[0] = {}) {
  const started = await stage.start(wish)
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

const changeCaption = (job: RehearsedJob) =>
  db
    .updateTable('slot')
    .set({ caption: 'Never approved' })
    .where('id', '=', db.selectFrom('machine_instance').select('slot_id').where('id', '=', job.jobId))
    .execute()

const stops = [
  ['archived', 'PLAN_ARCHIVED', (job: RehearsedJob) => steer(job, { type: 'archive' })],
  ['locked', 'PLAN_LOCKED', (job: RehearsedJob) => steer(job, { type: 'lock' })],
  ['off autopilot', 'AUTOPILOT_OFF', (job: RehearsedJob) => steer(job, { type: 'setAutopilot', on: false })],
  ['changed by SQL', 'APPROVAL_STALE', changeCaption],
] as const
const places = [
  'checkingMedia',
  'awaitingSlot',
  'publishing.preparing',
  'publishing.initialising',
  'publishing.uploading',
] as const

const wholePosts = (local: { posts(): readonly { bytes: number; size: number }[] }) =>
  local.posts().filter(({ bytes, size }) => bytes === size)

describe.each(stops)('a plan that is %s after its job was started', (_name, code, stop) => {
  it.each(places)('has nothing posted by a job in %s', async (state) => {
    const { job, at } = await startByScan()
    await job.advance(state)
    await stop(job)
    await job.advance(({ failure }) => failure?.code === code)
    expect(wholePosts(at.local)).toEqual([])
    // However long it waits: its time passes, and a person has to decide.
    await job.advance()
    expect(await job.context()).toMatchObject({ sentAt: null })
    expect(wholePosts(at.local)).toEqual([])
  })
})

describe('a locked plan', () => {
  it('names the job that it holds, which shows why at once and goes on when it is unlocked', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    expect(await steer(job, { type: 'lock' })).toMatchObject({
      heldJobs: [job.jobId],
      unstoppableJobs: [],
      movedJobs: [job.jobId],
    })
    expect(await job.advance('held')).toBe('held')
    expect(await job.context()).toMatchObject({ failure: { verdict: 'NEEDS_USER', code: 'PLAN_LOCKED' } })
    expect(await steer(job, { type: 'unlock' })).toMatchObject({ heldJobs: [], movedJobs: [job.jobId] })
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('lets its job go on when it is unlocked past the API, which nobody tells it', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    await steer(job, { type: 'lock' })
    await db
      .updateTable('plan')
      .set({ locked: false })
      .where('id', '=', await planOf(job))
      .execute()
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ status: 'PUBLISH_COMPLETE' }])
  })

  it('stops before the last chunk, and goes on with the same post', async () => {
    const { job, at } = await stage.start({ video: { isLarge: true } })
    await job.advance(({ nextChunk }) => nextChunk === 2)
    expect(await steer(job, { type: 'lock' })).toMatchObject({ heldJobs: [job.jobId] })
    expect(await job.advance('held')).toBe('held')
    expect(wholePosts(at.local)).toEqual([])
    await steer(job, { type: 'unlock' })
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ initAttempts: 1 })
  })

  it('says which post comes past stopping', async () => {
    const { job } = await stage.start({ simulatorSettings: { moderationMs: 3_600_000 } })
    await job.advance('publishing.uploading')
    expect(await steer(job, { type: 'lock' })).toMatchObject({ heldJobs: [], unstoppableJobs: [job.jobId] })
    await steer(job, { type: 'unlock' })
    await job.advance('watching.inModeration')
    expect(await steer(job, { type: 'lock' })).toMatchObject({ heldJobs: [], unstoppableJobs: [job.jobId] })
    expect(await job.advance()).toBe('published')
  })

  it('whose job is held still says that its autopilot is off when it is unlocked', async () => {
    const { job } = await startByScan()
    await job.advance('awaitingSlot')
    await steer(job, { type: 'setAutopilot', on: false })
    await steer(job, { type: 'lock' })
    expect(await job.context()).toMatchObject({ failure: { code: 'PLAN_LOCKED' } })
    expect(await steer(job, { type: 'unlock' })).toMatchObject({ heldJobs: [job.jobId] })
    expect(await job.context()).toMatchObject({ failure: { code: 'AUTOPILOT_OFF' } })
    await steer(job, { type: 'setAutopilot', on: true })
    expect(await job.advance()).toBe('published')
  })
})

describe('a job that a person has started', () => {
  it('goes on when autopilot is turned off', async () => {
    const { job } = await stage.start()
    await job.advance('awaitingSlot')
    expect(await steer(job, { type: 'setAutopilot', on: false })).toMatchObject({ heldJobs: [] })
    expect(await job.advance()).toBe('published')
  })
})

describe('a caption that was changed after its job was started', () => {
  it('holds the job at once, and is posted once it is approved', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    const { organizationId, jobId } = job
    const { slot_id: slotId } = await db
      .selectFrom('machine_instance')
      .select('slot_id')
      .where('id', '=', jobId)
      .executeTakeFirstOrThrow()
    const request = { organizationId, slotId: slotId ?? '', change: { caption: 'Another' } }
    const updated = await db.transaction().execute((tx) => updateSlot(tx, stage.deps, request))
    expect(updated).toMatchObject({ heldJobs: [jobId], unstoppableJobs: [], movedJobs: [jobId] })
    expect((await job.history()).at(-1)).toBe('held')
    expect(await job.context()).toMatchObject({ failure: { code: 'NOT_APPROVED' } })
    await steer(job, { type: 'submit' })
    expect(await steer(job, { type: 'approve' })).toMatchObject({ heldJobs: [], movedJobs: [jobId] })
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ title: 'Another' }])
  })
})

describe('a caption that was changed past the API', () => {
  it('is posted once the plan is approved again: the job that needed a person goes on by itself', async () => {
    const { job, at } = await stage.start()
    await job.advance('awaitingSlot')
    await changeCaption(job)
    expect(await job.advance()).toBe('needsPerson')
    await db
      .updateTable('plan')
      .set({ state: 'inReview' })
      .where('id', '=', await planOf(job))
      .execute()
    expect(await steer(job, { type: 'approve' })).toMatchObject({ heldJobs: [], movedJobs: [job.jobId] })
    expect(await job.advance()).toBe('published')
    expect(at.local.posts()).toMatchObject([{ title: 'Never approved' }])
  })

  it('is not half posted: what was opened with the caption before is dropped', async () => {
    const { job, at } = await stage.start({ video: { isLarge: true } })
    await job.advance(({ nextChunk }) => nextChunk === 2)
    await changeCaption(job)
    await db
      .updateTable('plan')
      .set({ state: 'inReview' })
      .where('id', '=', await planOf(job))
      .execute()
    await steer(job, { type: 'approve' })
    expect(await job.advance()).toBe('published')
    expect(await job.context()).toMatchObject({ initAttempts: 2 })
    expect(wholePosts(at.local)).toMatchObject([{ title: 'Never approved' }])
  })
})
