import { type MachineEvent, wakeAtOf } from '../durable/checkpoint.ts'
import { decide } from '../durable/decide.ts'
import { load } from '../durable/machine.ts'
import { queueWakeUps } from '../queue/wake.ts'
import type { Tx } from '../store/database.ts'
import { commitMoves, lockJob, readDatabaseTime } from '../store/job-store.ts'
import type { CommandDeps } from './deps.ts'

export type JobMoved =
  | { readonly kind: 'moved'; readonly jobId: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }

/** Sends an event to a job in the caller's transaction: lock, decide, commit, and wake it if there is work to do. */
export async function moveJob(
  tx: Tx,
  { boss, machines }: CommandDeps,
  request: { readonly organizationId: string; readonly jobId: string; readonly event: MachineEvent },
): Promise<JobMoved> {
  const { jobId, organizationId, event } = request
  const job = await lockJob(tx, jobId)
  if (!job || job.organizationId !== organizationId) return { kind: 'missing' }

  const { machine, checkpoint } = load(machines, job.checkpoint)
  const at = await readDatabaseTime(tx)
  const revision = job.revision + 1
  const decision = decide(machine, checkpoint, event, { at, key: `${jobId}/${revision}`, epoch: null })
  if (decision.kind === 'refused') return decision

  const next = decision.checkpoint
  const wakeAt = wakeAtOf(next, at)
  await queueWakeUps(
    boss,
    wakeAt === null ? [] : [{ jobId, reason: revision, ...(wakeAt > at && { at: wakeAt }) }],
    tx,
  )
  const { results } = await commitMoves(tx, [
    {
      jobId,
      organizationId,
      expectedRevision: job.revision,
      epoch: null,
      from: checkpoint.state,
      event: event.type,
      next,
      wakeAt,
      // A worker that holds the job keeps its lease: it will see that the job has moved, and stop what is not wanted.
      release: false,
    },
  ])
  if (results[0]?.kind !== 'committed') throw new Error(`job ${jobId} moved while it was locked`)
  return { kind: 'moved', jobId }
}
