import type { JobEvent } from '../../machines/job/events.ts'
import type { Tx } from '../store/database.ts'
import type { CommandDeps } from './deps.ts'
import { type MachineMoved, moveMachine } from './send-event.ts'

/** Sends an event to a job in the caller's transaction. */
export function moveJob(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly jobId: string; readonly event: JobEvent },
): Promise<MachineMoved> {
  const { organizationId, jobId, event } = request
  return moveMachine(tx, deps, { machine: 'job', id: jobId, organizationId, event: { ...event } })
}
