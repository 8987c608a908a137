import { randomUUID } from 'node:crypto'
import type { KeptMedia } from '../../../machines/job/context.ts'
import { jobIdOf } from '../../../src/commands/job/start-slot-jobs.ts'
import { jobMachine } from '../../../src/definitions/machines.ts'
import { type Checkpoint, type Json, wakeAtOf } from '../../../src/durable/checkpoint.ts'
import { decide, doneEvent, initialCheckpoint } from '../../../src/durable/decide.ts'
import { type Db, readDatabaseTime } from '../../../src/store/database.ts'
import { appendEvent } from '../../../src/store/event/append.ts'
import { insertInstance } from '../../../src/store/job/jobs.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import type { Privacy } from '../../../src/store/plan/tables.ts'
import { shortStoryboard } from '../../support/worker-fixture.ts'
import type { Harness } from './harness.ts'
import { defaultVideo, type VideoOptions } from './video.ts'

/** Default: a direct, public post of the default video. */
export interface JobOptions {
  /** When the slot is due. Default: in one minute. */
  readonly dueInMs?: number
  readonly slot?: Partial<Direct> | Draft
  readonly video?: Partial<VideoOptions>
  /** Posts this media of the library. The job has only begun. */
  readonly media?: { readonly mediaId: string }
}

interface Direct {
  readonly mode: 'direct'
  readonly caption: string
  readonly privacy: Privacy
  readonly allowDuet?: boolean
  readonly isAigc?: boolean
  readonly coverTimestampMs?: number
}

/** The creator writes the rest in the app. */
interface Draft {
  readonly mode: 'draft'
}

type Owner = { readonly organizationId: string; readonly accountId: string }

const defaultDueInMs = 60_000

/**
 * Inserts a job whose video is stored and not yet checked against TikTok's rules; answers its id. The earlier states are
 * passed in the machine alone, without steps; a job that posts a media passes them itself.
 */
export async function insertStoredJob(
  { database, organizationId, video }: Pick<Harness, 'database' | 'organizationId' | 'video'>,
  accountId: string,
  options: JobOptions,
): Promise<string> {
  const { db } = database.runtime
  const owner = { organizationId, accountId }
  const slot = slotOf(options)
  const steps = options.media ? [] : outputs(await video({ ...defaultVideo, ...options.video }))
  const at = await readDatabaseTime(db)
  const publishAt = at + (options.dueInMs ?? defaultDueInMs)
  const slotId = await insertSlot(db, owner, { ...slot, ...options.media }, publishAt)
  const jobId = jobIdOf(slotId)

  const facts = { at, key: `${jobId}/1`, epoch: null }
  let checkpoint: Checkpoint = initialCheckpoint(jobMachine, { slotId, accountId, publishAt }, facts)
  for (const output of steps) {
    const decision = decide(jobMachine, checkpoint, doneEvent(checkpoint.step?.id ?? '', output), facts)
    if (decision.kind === 'refused')
      throw new Error(`the event ${decision.event} was refused in ${decision.state}`)
    checkpoint = decision.checkpoint
  }
  const wakeAt = wakeAtOf(checkpoint, at)
  await insertInstance(db, { id: jobId, slotId, ...owner, checkpoint, wakeAt, startedBy: 'person' })
  const payload = { from: null, to: checkpoint.state, event: 'start', tag: checkpoint.tag, progress: null }
  await appendEvent(db, { organizationId, type: 'job.transitioned', jobId, jobRevision: 1, payload })
  return jobId
}

function slotOf({ slot = {} }: JobOptions): Direct | Draft {
  if (slot.mode === 'draft') return { mode: 'draft' }
  return { mode: 'direct', caption: randomUUID(), privacy: 'PUBLIC_TO_EVERYONE', ...slot }
}

/** The outputs of the steps, in order, until the video is stored. */
function outputs(media: KeptMedia): readonly Json[] {
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
  slot: (Direct | Draft) & { readonly mediaId?: string },
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
      ...(slot.mediaId === undefined
        ? { storyboard: JSON.stringify(shortStoryboard) }
        : { storyboard: null, media_id: slot.mediaId }),
      mode: slot.mode,
      caption: slot.mode === 'draft' ? '' : slot.caption,
      privacy: slot.mode === 'draft' ? null : slot.privacy,
      ...(slot.mode === 'direct' && {
        allow_duet: slot.allowDuet ?? false,
        is_aigc: slot.isAigc ?? true,
        cover_timestamp_ms: slot.coverTimestampMs ?? null,
      }),
      claimed_at: new Date(publishAt - defaultDueInMs),
    })
    .execute()
  await approveSlots(db, organizationId, planId)
  return slotId
}
