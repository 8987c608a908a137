import type { AccountEvent } from '../../machines/account.ts'
import type { JobEvent } from '../../machines/job/events.ts'
import type { MediaEvent } from '../../machines/media.ts'
import { type MachineEvent, wakeAtOf } from '../durable/checkpoint.ts'
import { decide } from '../durable/decide.ts'
import { loadCheckpoint } from '../durable/machine.ts'
import { wakeUpId, wakeUpInsert } from '../queue/wake.ts'
import { readDatabaseTime, type Tx } from '../store/database.ts'
import { lockInstance } from '../store/job/jobs.ts'
import { commitTransitions } from '../store/job/transitions.ts'
import type { CommandDeps } from './command-deps.ts'

export type SendEventResult =
  | { readonly kind: 'moved'; readonly from: string; readonly to: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'refused'; readonly state: string; readonly event: string }

/**
 * Sends an event to a machine instance in the caller's transaction: locks it, decides, commits, and queues a wake-up if it has
 * work or a timer. An instance of another machine or organization is `missing`.
 */
export async function sendEvent(
  tx: Tx,
  { boss, machines }: CommandDeps,
  request: {
    readonly machine: 'job' | 'account' | 'media'
    readonly id: string
    readonly organizationId: string
    readonly event: MachineEvent
  },
): Promise<SendEventResult> {
  const { id, organizationId, event } = request
  const instance = await lockInstance(tx, id)
  if (instance?.organizationId !== organizationId || instance.checkpoint.machine !== request.machine)
    return { kind: 'missing' }

  const { machine, checkpoint } = loadCheckpoint(machines, instance.checkpoint)
  const at = await readDatabaseTime(tx)
  const revision = instance.revision + 1
  const decision = decide(machine, checkpoint, event, { at, key: `${id}/${revision}`, epoch: null })
  if (decision.kind === 'refused') return decision

  const next = decision.checkpoint
  const wakeAt = wakeAtOf(next, at)
  const wakeUp =
    wakeAt === null
      ? null
      : {
          jobId: id,
          organizationId,
          reason: revision,
          ...(wakeAt > at && { at: wakeAt }),
          isFirst: request.machine === 'account',
        }
  const transition = {
    jobId: id,
    organizationId,
    expectedRevision: instance.revision,
    epoch: null,
    from: checkpoint.state,
    event: event.type,
    next,
    wakeAt,
    // A worker that holds the lease keeps it. It reads the new revision and aborts a step that is no longer pending.
    release: false,
  }
  const wakeUps = wakeUp && { ids: [wakeUpId(wakeUp)], insert: await wakeUpInsert(boss, [wakeUp], tx) }
  const { results } = await commitTransitions(tx, [transition], wakeUps ?? undefined)
  if (results[0]?.kind !== 'committed')
    throw new Error(`${request.machine} ${id} changed while it was locked`)
  return { kind: 'moved', from: checkpoint.state, to: next.state }
}

/** Sends an event to a job in the caller's transaction. */
export function sendJobEvent(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly jobId: string; readonly event: JobEvent },
): Promise<SendEventResult> {
  const { organizationId, jobId, event } = request
  return sendEvent(tx, deps, { machine: 'job', id: jobId, organizationId, event: { ...event } })
}

/** Sends an event to an account in the caller's transaction. */
export function sendAccountEvent(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly accountId: string; readonly event: AccountEvent },
): Promise<SendEventResult> {
  const { organizationId, accountId, event } = request
  return sendEvent(tx, deps, { machine: 'account', id: accountId, organizationId, event: { ...event } })
}

/** Sends an event to a media in the caller's transaction. */
export function sendMediaEvent(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly mediaId: string; readonly event: MediaEvent },
): Promise<SendEventResult> {
  const { organizationId, mediaId, event } = request
  return sendEvent(tx, deps, { machine: 'media', id: mediaId, organizationId, event: { ...event } })
}
