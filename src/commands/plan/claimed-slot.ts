import { jobMachine } from '../../definitions/machines.ts'
import { contextOf } from '../../durable/machine.ts'
import type { Tx } from '../../store/database.ts'
import { lockInstance } from '../../store/job/jobs.ts'
import { lockJobsOfSlots } from '../../store/plan/outdated-slots.ts'
import type { SlotContent } from '../../store/plan/slots.ts'

/** States in which the call that opens the post is running or has been made. */
const opening: ReadonlySet<string> = new Set(['publishing.initialising', 'publishing.reconciling', 'closing'])

/**
 * Whether the caption, cover, privacy and toggles of a claimed slot can still be changed: the job reads them again when it opens
 * the post. The storyboard, the time and the mode cannot. Locks the job, so that it opens no post meanwhile.
 */
export async function canStillChange(
  tx: Tx,
  slotId: string,
  before: SlotContent,
  after: SlotContent,
): Promise<boolean> {
  if (before.mode !== after.mode) return false
  const jobId = (await lockJobsOfSlots(tx, [slotId])).get(slotId)
  const job = jobId === undefined ? null : await lockInstance(tx, jobId)
  if (!job) return false
  const { state, tag } = job.checkpoint
  const { post, sentAt, outcomeUnknown, ending } = contextOf(jobMachine, job.checkpoint)
  return (
    tag !== 'settled' &&
    !opening.has(state) &&
    post === null &&
    sentAt === null &&
    !outcomeUnknown &&
    ending === null
  )
}
