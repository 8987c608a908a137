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
    'Starts the job of a slot in an approved plan now, regardless of autopilot, and reserves its quota. A slot has one job: if a job exists that is not cancelled, it is returned.',
  scope: 'write',
  errors: [NotPermittedInState, JobKeyInUse, SlotTooLate, QuotaExceeded],
  input: {
    description: 'Input of `startJob`.',
    ids: { slotId: ['Slot'] },
    fields: (t) => ({
      slotId: t.id({
        required: true,
        description: 'The slot to start a job for. Its plan must be approved.',
      }),
      jobKey: t.string({
        description:
          'A key for the work, 1 to 255 characters. While an unfinished job has the key, no job of another slot starts under it. The key is free again once the job is published, delivered, cancelled or failed.',
      }),
    }),
  },
  run: (tx, { slotId, jobKey = null }, context) => start(tx, context, { slotId, jobKey }),
  payload: {
    description: 'The result of `startJob`.',
    fields: (t) => ({
      job: t.field({
        type: Job,
        nullable: true,
        description: 'The job of the slot; null if it no longer exists.',
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
    description: 'Cancels a job that cannot have published anything yet. Its reserved quota is released.',
  },
  {
    name: 'pauseJob',
    event: 'pause',
    description: 'Pauses a job until it is resumed. Finished work is kept.',
  },
  { name: 'resumeJob', event: 'resume', description: 'Resumes a paused job where it stopped.' },
  { name: 'retryJob', event: 'retry', description: 'Retries a job that rests because of a failure.' },
] as const

for (const { name, event, description } of jobEvents) {
  defineMutation(name, {
    description,
    scope: 'write',
    errors: [NotPermittedInState],
    input: {
      description: `Input of \`${name}\`.`,
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
      description: 'The result of a mutation that sends an event to a job.',
      fields: (t) => ({
        job: t.field({
          type: Job,
          nullable: true,
          description: 'The job after the mutation; null if it no longer exists.',
          resolve: (moved, _args, { load }) => load.job.load(moved.jobId),
        }),
      }),
    },
  })
}
