import { startJob } from '../../../commands/job/start-job.ts'
import type { Refusal } from '../../../commands/refusal.ts'
import { sendJobEvent } from '../../../commands/send-event.ts'
import type { Tx } from '../../../store/database.ts'
import { findPlans } from '../../../store/plan/plans.ts'
import { findSlots } from '../../../store/plan/slots.ts'
import { defineMutation } from '../../mutation/define-mutation.ts'
import type { Context } from '../../server/context.ts'
import { JobKeyInUse, NotPermittedInState, QuotaExceeded, SlotTooLate } from '../error.ts'
import { Job } from '../ref.ts'

interface JobDone {
  readonly kind: 'done'
  readonly jobId: string
}

defineMutation('startJob', {
  description:
    'Starts the job of a slot now, whatever autopilot says, and reserves its quota with it. A slot has one job: if it has one that is not cancelled, that is answered.',
  scope: 'write',
  errors: [NotPermittedInState, JobKeyInUse, SlotTooLate, QuotaExceeded],
  input: {
    description: 'A slot to start the job of.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({ required: true, description: 'The slot, of an approved plan.' }),
      jobKey: t.string({
        description:
          'Your own name for the work, in 1 to 255 characters: while an unfinished job has it, no job of another slot is started under it. Published, delivered, cancelled or failed, the job leaves it free.',
      }),
    }),
  },
  run: (tx, { slotId, jobKey = null }, context) => start(tx, context, { slotId, jobKey }),
  payload: {
    description: 'The job of the slot.',
    fields: (t) => ({
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job as it is now.',
        resolve: ({ jobId }, _args, { load }) => load.job.load(jobId),
      }),
    }),
  },
})

async function start(
  tx: Tx,
  { deps, viewer }: Context,
  { slotId, jobKey }: { readonly slotId: string; readonly jobKey: string | null },
): Promise<JobDone | Refusal> {
  const { organizationId } = viewer
  const started = await startJob(tx, deps, { organizationId, slotId, jobKey })
  switch (started.kind) {
    case 'missing':
      return { kind: 'missing', field: 'slotId' }
    case 'notApproved':
      return { kind: 'refused', state: await stateOfPlan(tx, organizationId, slotId), event: 'startJob' }
    case 'invalid':
    case 'underWay':
    case 'tooLate':
    case 'quotaShort':
      return started
    default:
      return { kind: 'done', jobId: started.jobId }
  }
}

async function stateOfPlan(tx: Tx, organizationId: string, slotId: string): Promise<string> {
  const [slot] = await findSlots(tx, organizationId, [slotId])
  const [plan] = slot ? await findPlans(tx, organizationId, [slot.planId]) : []
  return plan?.state ?? 'gone'
}

/** The mutations that send one event to a job. */
const jobEvents = [
  {
    name: 'cancelJob',
    event: 'cancel',
    description: 'Ends a job, as long as nothing of its post can exist. What it reserved is given back.',
  },
  { name: 'pauseJob', event: 'pause', description: 'Stops a job until it is resumed. Paid work is kept.' },
  { name: 'resumeJob', event: 'resume', description: 'Lets a paused job go on where it was.' },
  { name: 'retryJob', event: 'retry', description: 'Lets a job that rests because of a failure try again.' },
] as const

for (const { name, event, description } of jobEvents) {
  defineMutation(name, {
    description,
    scope: 'write',
    errors: [NotPermittedInState],
    input: {
      description: `The job for ${name}.`,
      ids: { jobId: ['Job'] },
      fields: (t) => ({
        jobId: t.id({ required: true, description: 'The job.' }),
      }),
    },
    run: async (tx, { jobId }, { deps, viewer: { organizationId } }): Promise<JobDone | Refusal> => {
      const moved = await sendJobEvent(tx, deps, { organizationId, jobId, event: { type: event } })
      if (moved.kind === 'moved') return { kind: 'done', jobId }
      return moved.kind === 'missing' ? { kind: 'missing', field: 'jobId' } : moved
    },
    payload: {
      description: 'The job that was moved.',
      fields: (t) => ({
        job: t.field({
          type: Job,
          nullable: true,
          description: 'The job as it is now.',
          resolve: (moved, _args, { load }) => load.job.load(moved.jobId),
        }),
      }),
    },
  })
}
