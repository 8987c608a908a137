import type { Tx } from '../../store/database.ts'
import type { CommandDeps } from '../command-deps.ts'
import type { Refusal } from '../refusal.ts'
import { sendAccountEvent } from '../send-event.ts'

export type DisconnectAccountResult = { readonly kind: 'done'; readonly accountId: string } | Refusal

/** Revokes an account's grant at TikTok. Its history stays; its planned posts wait until it is connected again. */
export async function disconnectAccount(
  tx: Tx,
  deps: CommandDeps,
  request: { readonly organizationId: string; readonly accountId: string },
): Promise<DisconnectAccountResult> {
  const { accountId } = request
  const moved = await sendAccountEvent(tx, deps, { ...request, event: { type: 'disconnect' } })
  if (moved.kind === 'missing') return { kind: 'missing', field: 'accountId' }
  if (moved.kind === 'refused') return moved
  return { kind: 'done', accountId }
}
