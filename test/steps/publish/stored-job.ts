import { randomUUID } from 'node:crypto'
import type { KeptMedia } from '../../../machines/job/context.ts'
import { jobIdOf } from '../../../src/commands/job/start-job.ts'
import { jobMachine } from '../../../src/definitions/machines.ts'
import { type Checkpoint, type Json, wakeAtOf } from '../../../src/durable/checkpoint.ts'
import { decide, doneEvent, initialCheckpoint } from '../../../src/durable/decide.ts'
import type { Db } from '../../../src/store/database.ts'
import { readDatabaseTime } from '../../../src/store/database-time.ts'
import { appendEvent } from '../../../src/store/event/append.ts'
import { insertJob } from '../../../src/store/job/jobs.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import type { Privacy } from '../../../src/store/tables.ts'
import { shortStoryboard } from '../../support/worker-fixture.ts'
import type { Harness } from './harness.ts'
import { defaultVideo, type VideoOptions } from './video.ts'

/** What a test wants of a job: a direct and public post of the usual video, unless told. */
export interface JobOptions {
  /** When its slot is due; in a minute unless told. */
  readonly dueInMs?: number
  readonly slot?: Partial<Direct> | Draft
  readonly video?: Partial<VideoOptions>
}

interface Direct {
  readonly mode: 'direct'
  readonly caption: string
  readonly privacy: Privacy
  readonly allowDuet?: boolean
  readonly isAigc?: boolean
}

/** Its creator writes the rest in the app. */
interface Draft {
  readonly mode: 'draft'
}

type Owner = { readonly organizationId: string; readonly accountId: string }

/** The slot is due after so long. */
const untilSlotMs = 60_000

/**
 * Inserts a job whose video is stored, and not yet held against TikTok's rules; its slot is due in a minute. Answers its id.
 * What came before is walked in the machine alone.
 */
export async function insertStoredJob(
  { database, organizationId, video }: Pick<Harness, 'database' | 'organizationId' | 'video'>,
  accountId: string,
  wish: JobOptions,
): Promise<string> {
  const { db } = database.runtime
  const owner = { organizationId, accountId }
  const slot = slotOf(wish)
  const media = await video({ ...defaultVideo, ...wish.video })
  const at = await readDatabaseTime(db)
  const publishAt = at + (wish.dueInMs ?? untilSlotMs)
  const slotId = await insertSlot(db, owner, slot, publishAt)
  const jobId = jobIdOf(slotId)

  const facts = { at, key: `${jobId}/1`, epoch: null }
  let checkpoint: Checkpoint = initialCheckpoint(jobMachine, { slotId, accountId, publishAt }, facts)
  for (const output of outcomes(media)) {
    const decision = decide(jobMachine, checkpoint, doneEvent(checkpoint.step?.id ?? '', output), facts)
    if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
    checkpoint = decision.checkpoint
  }
  const wakeAt = wakeAtOf(checkpoint, at)
  await insertJob(db, { id: jobId, slotId, ...owner, checkpoint, wakeAt, startedBy: 'person' })
  const payload = { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null }
  await appendEvent(db, { organizationId, type: 'job.transitioned', jobId, jobRevision: 1, payload })
  return jobId
}

function slotOf({ slot = {} }: JobOptions): Direct | Draft {
  if (slot.mode === 'draft') return { mode: 'draft' }
  return { mode: 'direct', caption: randomUUID(), privacy: 'PUBLIC_TO_EVERYONE', ...slot }
}

/** What the steps answer until the video is stored, in their order. */
function outcomes(media: KeptMedia): readonly Json[] {
  const { sha256, bytes } = media
  return [
    { scenes: 1, seconds: Math.ceil(media.seconds) },
    null,
    { clip: { v: 1 } },
    { kind: 'ready' },
    { kept: { sha256, bytes } },
    { media: { ...media } },
  ]
}

async function insertSlot(
  db: Db,
  { organizationId, accountId }: Owner,
  slot: Direct | Draft,
  publishAt: number,
): Promise<string> {
  const [planId, slotId] = [randomUUID(), randomUUID()]
  const plan = { id: planId, organization_id: organizationId, account_id: accountId, name: 'Plan' }
  await db
    .insertInto('plan')
    .values({ ...plan, time_zone: 'UTC', state: 'approved', revision: 1 })
    .execute()
  await db
    .insertInto('slot')
    .values({
      id: slotId,
      organization_id: organizationId,
      plan_id: planId,
      wall_time: new Date(publishAt).toISOString().slice(0, 19),
      publish_at: new Date(publishAt),
      storyboard: JSON.stringify(shortStoryboard),
      mode: slot.mode,
      caption: slot.mode === 'draft' ? '' : slot.caption,
      privacy: slot.mode === 'draft' ? null : slot.privacy,
      ...(slot.mode === 'direct' && { allow_duet: slot.allowDuet ?? false, is_aigc: slot.isAigc ?? true }),
      claimed_at: new Date(publishAt - untilSlotMs),
    })
    .execute()
  await approveSlots(db, organizationId, planId)
  return slotId
}
