import { queueScan } from '../../queue/scan.ts'
import { findAccountOfCreator, readCreator, writeCreator } from '../../store/account/accounts.ts'
import { type NewTokens, writeTokens } from '../../store/account/tokens.ts'
import type { Tx } from '../../store/database.ts'
import { lockJobsInState } from '../../store/job/job-list.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendAccountEvent, sendJobEvent } from '../send-event.ts'

/** The creator who granted access, as reported by TikTok. */
export interface Creator {
  readonly openId: string
  readonly username: string
  readonly displayName: string
  readonly scopes: readonly string[]
}

export type AuthorizeAccountResult =
  | { readonly kind: 'authorized'; readonly accountId: string }
  /** Another creator granted access than the one whose account was to be reconnected. */
  | { readonly kind: 'otherCreator'; readonly expected: string }

/** The account is being disconnected right now. Nothing of the grant was stored. */
export class AccountBusy extends Error {
  override readonly name = 'AccountBusy'
}

/** Waiting jobs that get an event at once. The sweep wakes any others. */
const maxWokenJobs = 1_000

/**
 * Stores a grant: seals the tokens, sends `authorized` to the account and `accountConnected` to the jobs that wait for it, all
 * in the caller's transaction, and queues a scan for the slots that were skipped meanwhile. A creator who has an account
 * already keeps it, whichever account was to be connected; `seal` receives its id. Throws `AccountBusy`.
 */
export async function authorizeAccount(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    /** The account that the creator was asked to connect. */
    readonly accountId: string
    readonly creator: Creator
    readonly seal: (accountId: string) => NewTokens
  },
): Promise<AuthorizeAccountResult> {
  const { organizationId, creator } = request
  const known = await findAccountOfCreator(tx, organizationId, creator.openId)
  const owner = await readCreator(tx, request.accountId)
  if (owner !== null && owner.openId !== creator.openId)
    return { kind: 'otherCreator', expected: owner.username }

  const accountId = known ?? request.accountId
  // Locks all of them before the first transition, which locks the event sequence: that lock comes last.
  const waiting = await lockJobsInState(tx, organizationId, 'waitingForAccount', {
    limit: maxWokenJobs,
    accountId,
    also: [accountId, request.accountId],
  })
  await writeCreator(tx, accountId, creator)
  const expiry = await writeTokens(tx, accountId, request.seal(accountId), null)
  if (!expiry) throw new Error(`account ${accountId} does not exist`)

  const event = { type: 'authorized', ...expiry } as const
  const moved = await sendAccountEvent(tx, deps, { organizationId, accountId, event })
  if (moved.kind !== 'moved') throw new AccountBusy()
  if (accountId !== request.accountId) await dropPlaceholder(tx, deps, organizationId, request.accountId)
  for (const jobId of waiting) {
    await sendJobEvent(tx, deps, { organizationId, jobId, event: { type: 'accountConnected' } })
  }
  // The scan runs in its own transaction: slots are locked before jobs, and a failed scan must not lose the grant.
  await queueScan(deps.boss, { organizationId, reason: 'account' }, tx)
  return { kind: 'authorized', accountId }
}

/** Ends the new account that was created for a creator who has an account already. */
async function dropPlaceholder(
  tx: Tx,
  deps: CommandDeps,
  organizationId: string,
  accountId: string,
): Promise<void> {
  const failure = {
    verdict: 'PERMANENT',
    code: 'ALREADY_CONNECTED',
    message: 'This creator has an account already, which was connected again.',
  } as const
  await sendAccountEvent(tx, deps, { organizationId, accountId, event: { type: 'declined', failure } })
}
