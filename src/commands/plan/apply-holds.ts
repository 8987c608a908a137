import { mayAppear, sendsLastChunk } from '../../../machines/job/facts.ts'
import { type Clearance, clearanceOf, failureOfStop } from '../../../machines/rules/clearance.ts'
import { jobMachine } from '../../definitions/machines.ts'
import { contextOf } from '../../durable/machine.ts'
import type { Tx } from '../../store/database.ts'
import { listPlanJobs, type PlanJob } from '../../store/job/clearance.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendJobEvent } from '../send-event.ts'

/** How a change of a plan affects its jobs. */
export interface HoldsResult {
  /** Jobs that are held: they post nothing until the cause is removed. */
  readonly heldJobs: readonly string[]
  /** Jobs that should be held, but whose post was sent or whose last chunk is being sent. */
  readonly unstoppableJobs: readonly string[]
  /** Jobs that made a transition now. The others read the plan before their next call. */
  readonly transitionedJobs: readonly string[]
}

/**
 * Holds the jobs of a plan that may no longer go on, and releases held jobs that may. The transaction has locked the jobs. A job
 * with a running call is checked again before its next call that cannot be undone.
 */
export async function applyHolds(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, planId }: { readonly organizationId: string; readonly planId: string },
): Promise<HoldsResult> {
  const heldJobs: string[] = []
  const unstoppableJobs: string[] = []
  const transitionedJobs: string[] = []
  for (const job of await listPlanJobs(tx, organizationId, planId)) {
    const { jobId } = job
    const clearance = clearanceNow(job)
    const isFree = clearance.kind === 'clear' || clearance.kind === 'needsAccount'
    if (!isFree && isUnstoppable(job)) {
      unstoppableJobs.push(jobId)
      continue
    }
    if (!isFree) heldJobs.push(jobId)
    const event = eventFor(job, clearance)
    const moved = event && (await sendJobEvent(tx, deps, { organizationId, jobId, event }))
    if (moved?.kind === 'moved') transitionedJobs.push(jobId)
  }
  return { heldJobs, unstoppableJobs, transitionedJobs }
}

/** Ignores lateness, which the job checks itself. */
function clearanceNow({ facts, checkpoint }: PlanJob): Clearance {
  const { publishAt, media } = contextOf(jobMachine, checkpoint)
  const before = media === null ? 'rendering' : 'posting'
  return clearanceOf(facts, { before, publishAt, mayBeLate: true, at: publishAt })
}

function eventFor({ checkpoint }: PlanJob, clearance: Clearance) {
  const { failure } = contextOf(jobMachine, checkpoint)
  const isHeld = checkpoint.state === 'held'
  switch (clearance.kind) {
    case 'clear':
    case 'needsAccount':
      return isHeld || checkpoint.state === 'needsPerson' ? ({ type: 'cleared' } as const) : null
    case 'needsPerson':
      // It was held for another reason. A retry checks again and then needs a person.
      return isHeld ? ({ type: 'retry' } as const) : null
    case 'hold':
      return isHeld && failure?.code === clearance.code
        ? null
        : ({ type: 'hold', failure: failureOfStop(clearance.code) } as const)
  }
}

/** Whether the post may appear even if the job is held now. */
function isUnstoppable({ checkpoint }: PlanJob): boolean {
  const context = contextOf(jobMachine, checkpoint)
  return mayAppear(context) || (checkpoint.state === 'publishing.uploading' && sendsLastChunk(context))
}
