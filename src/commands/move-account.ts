import type { AccountEvent } from '../../machines/account.ts'
import type { Tx } from '../store/database.ts'
import type { CommandDeps } from './deps.ts'
import { type MachineMoved, moveMachine } from './send-event.ts'

/** Sends an event to an account in the caller's transaction. */
export function moveAccount(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly accountId: string; readonly event: AccountEvent },
): Promise<MachineMoved> {
  const { organizationId, accountId, event } = request
  return moveMachine(tx, deps, { machine: 'account', id: accountId, organizationId, event: { ...event } })
}
