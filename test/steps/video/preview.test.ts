import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { sql } from 'kysely'
import { expect, it, onTestFinished } from 'vitest'
import { startJob } from '../../../src/commands/job/start-job.ts'
import { renderPreview } from '../../../src/commands/job/start-previews.ts'
import { readDatabaseTime } from '../../../src/store/database.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import { deleteSlot } from '../../../src/store/plan/slots.ts'
import { createHostHarness } from '../host-harness.ts'

const harness = await createHostHarness()
const { organizationId } = harness
const { db } = harness.database.runtime

const storyboardOf = (first: string, second: string) => ({
  size: { width: 360, height: 640 },
  scenes: [
    { seconds: 1.5, text: first },
    { seconds: 1.5, text: second },
  ],
})

async function openWorker() {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-preview-'))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  const worker = await harness.openWorker({ directory })
  const renders = path.join(directory, 'renders')
  /** How often a scene was rendered. */
  const renderings = () =>
    readdirSync(renders)
      .map((clip) => readFileSync(path.join(renders, clip, 'starts'), 'utf8').length)
      .reduce((sum, starts) => sum + starts, 0)
  return { worker, renderings }
}

/** A slot of a draft plan. */
async function insertSlot(accountId: string, storyboard: object) {
  const [planId, slotId] = [randomUUID(), randomUUID()]
  const publishAt = new Date((await readDatabaseTime(db)) + 3_600_000)
  const owner = { organization_id: organizationId }
  const plan = { id: planId, account_id: accountId, name: 'Plan', time_zone: 'UTC' }
  await db
    .insertInto('plan')
    .values({ ...owner, ...plan, state: 'draft', revision: 1 })
    .execute()
  await db
    .insertInto('slot')
    .values({
      ...{
        ...owner,
        id: slotId,
        plan_id: planId,
        caption: slotId,
        privacy: 'SELF_ONLY',
        publish_at: publishAt,
      },
      wall_time: publishAt.toISOString().slice(0, 19),
      storyboard: JSON.stringify(storyboard),
    })
    .execute()
  return { planId, slotId }
}

const preview = (slotId: string) =>
  db.transaction().execute((tx) => renderPreview(tx, harness.deps, { organizationId, slotId }))

async function jobOf(started: Promise<{ readonly kind: string; readonly jobId?: string }>): Promise<string> {
  const { kind, jobId } = await started
  if (jobId === undefined) throw new Error(kind)
  return jobId
}

/** Approves the plan and starts the job of its slot. */
async function approveAndStart(planId: string, slotId: string): Promise<string> {
  await db.updateTable('plan').set({ state: 'approved' }).where('id', '=', planId).execute()
  await approveSlots(db, organizationId, planId)
  return await jobOf(db.transaction().execute((tx) => startJob(tx, harness.deps, { organizationId, slotId })))
}

async function usesOf(jobId: string) {
  const { rows } = await sql<{ kind: string; metric: string }>`
    select kind, metric from quota_entry where job_id = ${jobId} and metric <> 'storageBytes' order by kind, metric`.execute(
    db,
  )
  return rows.map(({ kind, metric }) => `${kind} ${metric}`)
}

it('is rendered before the approval and posted byte for byte, with one rendering and one upload', async () => {
  const { worker, renderings } = await openWorker()
  const { planId, slotId } = await insertSlot(worker.accountId, storyboardOf('A first scene', 'And a second'))
  const previewId = await jobOf(preview(slotId))
  // Asked for again, it is the same one, while it renders and afterwards.
  expect(await jobOf(preview(slotId))).toBe(previewId)
  const rendering = worker.drive(previewId)
  expect(await rendering.advance()).toBe('rendered')
  expect(await jobOf(preview(slotId))).toBe(previewId)
  const { media, progress } = await rendering.context()
  expect({ media: media?.contentType, progress }).toEqual({ media: 'video/mp4', progress: null })
  expect(worker.local.posts()).toEqual([])
  const rendered = ['commit seconds', 'commit videos', 'reserve seconds', 'reserve videos']
  expect(await usesOf(previewId)).toEqual(rendered)

  const jobId = await approveAndStart(planId, slotId)
  const job = worker.drive(jobId)
  expect(await job.advance()).toBe('published')
  expect((await job.history()).slice(0, 4)).toEqual([
    'queued',
    'reservingQuota',
    'checkingMedia',
    'awaitingSlot',
  ])
  expect(renderings()).toBe(2)
  expect(worker.local.counters().inits).toBe(1)
  expect(worker.local.posts()).toMatchObject([{ sha256: media?.sha256, isAigc: true, coverTimestampMs: 300 }])
  expect(await usesOf(jobId)).toEqual(['commit uploads', 'reserve uploads'])
})

it('of a changed scene renders that scene only, and only the present storyboard is posted', async () => {
  const { worker, renderings } = await openWorker()
  const { planId, slotId } = await insertSlot(worker.accountId, storyboardOf('One', 'Two'))
  const before = worker.drive(await jobOf(preview(slotId)))
  expect(await before.advance()).toBe('rendered')
  expect(renderings()).toBe(2)

  const storyboard = JSON.stringify(storyboardOf('One', 'Three'))
  await db.updateTable('slot').set({ storyboard }).where('id', '=', slotId).execute()
  const after = worker.drive(await jobOf(preview(slotId)))
  expect(await after.advance()).toBe('rendered')
  expect(renderings()).toBe(3)
  const [{ media: old }, { media: present }] = [await before.context(), await after.context()]
  expect(present?.sha256).not.toBe(old?.sha256)

  const job = worker.drive(await approveAndStart(planId, slotId))
  expect(await job.advance()).toBe('published')
  expect(renderings()).toBe(3)
  expect(worker.local.posts()).toMatchObject([{ sha256: present?.sha256 }])
})

it('that finishes after the job has started frees the rendering that the job reserved', async () => {
  const { worker, renderings } = await openWorker()
  const { planId, slotId } = await insertSlot(worker.accountId, storyboardOf('Early', 'Late'))
  const rendering = worker.drive(await jobOf(preview(slotId)))
  await rendering.advance('generating.checking')
  const jobId = await approveAndStart(planId, slotId)
  expect(await rendering.advance()).toBe('rendered')
  const job = worker.drive(jobId)
  expect(await job.advance()).toBe('published')
  expect(renderings()).toBe(2)
  const uploaded = ['commit uploads', 'release seconds', 'release videos']
  expect(await usesOf(jobId)).toEqual([...uploaded, 'reserve seconds', 'reserve uploads', 'reserve videos'])
})

it('is finished even if its slot is removed meanwhile', async () => {
  const { worker } = await openWorker()
  const { slotId } = await insertSlot(worker.accountId, storyboardOf('Gone', 'Soon'))
  const rendering = worker.drive(await jobOf(preview(slotId)))
  await rendering.advance('generating.submitting')
  expect(await deleteSlot(harness.database.owner.db, slotId)).toBe(true)
  expect(await rendering.advance()).toBe('rendered')
})

it('that is cancelled gives its quota back, and another one can be started', async () => {
  const { worker } = await openWorker()
  const { slotId } = await insertSlot(worker.accountId, storyboardOf('Not', 'This'))
  const previewId = await jobOf(preview(slotId))
  const rendering = worker.drive(previewId)
  await rendering.advance('generating.submitting')
  await rendering.sendEvent({ type: 'cancel' })
  expect(await rendering.advance()).toBe('cancelled')
  const released = ['release seconds', 'release videos', 'reserve seconds', 'reserve videos']
  expect(await usesOf(previewId)).toEqual(released)
  expect(await jobOf(preview(slotId))).not.toBe(previewId)
})
