import { queueScan } from '../../queue/scan.ts'
import { findAccountOfCreator, writeCreator } from '../../store/account/accounts.ts'
import { type NewTokens, writeTokens } from '../../store/account/tokens.ts'
import type { Tx } from '../../store/database.ts'
import { lockJobsInState } from '../../store/job/job-list.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendAccountEvent, sendJobEvent } from '../send-event.ts'

/** Who granted access, as far as TikTok said. */
export interface Creator {
  readonly openId: string
  readonly username: string
  readonly displayName: string
  readonly scopes: readonly string[]
}

export type AuthorizeAccountResult =
  | { readonly kind: 'authorized'; readonly accountId: string }
  /** It is another creator than the one whose account was to be connected again. */
  | { readonly kind: 'otherCreator'; readonly expected: string }

/** The account is being disconnected at this moment; nothing of the grant was kept. */
export class AccountBusy extends Error {
  override readonly name = 'AccountBusy'
}

/** More than these are told at the next look of the sweep's; nobody has so many waiting. */
const mostWoken = 1_000

/**
 * Takes a grant in: the tokens go into the vault, the account machine hears of it, and the jobs that waited for their
 * account go on, all in the caller's transaction; slots that were skipped because of it are scanned for right after. A creator whose account is known already keeps that one, whichever was
 * to be connected: `seal` is told which. Throws `AccountBusy`.
 */
export async function authorizeAccount(
  tx: Tx,
  deps: CommandDeps,
  request: {
    readonly organizationId: string
    /** The account that was to be connected. */
    readonly accountId: string
    readonly creator: Creator
    readonly seal: (accountId: string) => NewTokens
  },
): Promise<AuthorizeAccountResult> {
  const { organizationId, creator } = request
  const known = await findAccountOfCreator(tx, organizationId, creator.openId)
  const owner = await creatorOf(tx, request.accountId)
  if (owner !== null && owner.openId !== creator.openId)
    return { kind: 'otherCreator', expected: owner.username }

  const accountId = known ?? request.accountId
  // All of them are locked before the first is moved: moving one takes the event sequence, which comes last.
  const waiting = await lockJobsInState(tx, organizationId, 'waitingForAccount', {
    limit: mostWoken,
    accountId,
    also: [accountId, request.accountId],
  })
  await writeCreator(tx, accountId, creator)
  const expiry = await writeTokens(tx, accountId, request.seal(accountId), null)
  if (!expiry) throw new Error(`account ${accountId} is gone`)

  const event = { type: 'authorized', ...expiry } as const
  const moved = await sendAccountEvent(tx, deps, { organizationId, accountId, event })
  if (moved.kind !== 'moved') throw new AccountBusy()
  if (accountId !== request.accountId) await dropPlaceholder(tx, deps, organizationId, request.accountId)
  for (const jobId of waiting) {
    await sendJobEvent(tx, deps, { organizationId, jobId, event: { type: 'accountConnected' } })
  }
  // In a transaction of its own: slots come before jobs in the order of locks, and a grant must not be lost over a scan.
  await queueScan(deps.boss, organizationId, tx)
  return { kind: 'authorized', accountId }
}

/** The account that was begun for a creator who turned out to have one: it ends without ever having been anybody's. */
async function dropPlaceholder(
  tx: Tx,
  deps: CommandDeps,
  organizationId: string,
  accountId: string,
): Promise<void> {
  const failure = {
    verdict: 'PERMANENT',
    code: 'ALREADY_CONNECTED',
    message: 'This creator has an account here already: that one was connected again.',
  } as const
  await sendAccountEvent(tx, deps, { organizationId, accountId, event: { type: 'declined', failure } })
}

async function creatorOf(
  tx: Tx,
  accountId: string,
): Promise<{ readonly openId: string; readonly username: string } | null> {
  const row = await tx
    .selectFrom('account')
    .select(['open_id', 'username'])
    .where('id', '=', accountId)
    .executeTakeFirst()
  return row?.open_id ? { openId: row.open_id, username: row.username ?? '' } : null
}
