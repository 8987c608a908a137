import type { AccountEvent } from '../../../machines/account.ts'
import type { Failure, StepError } from '../../../machines/rules/failure.ts'
import { sendAccountEvent } from '../../commands/send-event.ts'
import { accountMachine } from '../../definitions/machines.ts'
import { contextOf } from '../../durable/machine.ts'
import type { StepContext } from '../../durable/step.ts'
import type { TikTokClient } from '../../providers/tiktok/client.ts'
import type { Secret } from '../../secret.ts'
import { type AccountRecord, findAccounts } from '../../store/account/accounts.ts'
import { readTokens, type StoredTokens } from '../../store/account/tokens.ts'
import { ownFailure } from '../failure.ts'
import type { StepDeps } from '../step-deps.ts'

type Access =
  | { readonly kind: 'token'; readonly token: Secret; readonly version: number }
  | { readonly kind: 'unavailable'; readonly error: StepError }

interface AccountRef {
  readonly organizationId: string
  readonly accountId: string
}

/** An upload must end within its hour, and the token must outlast it with a margin. */
export const uploadTokenSeconds = 70 * 60
export const callTokenSeconds = 60

/** The TikTok client for a job's calls. It tells rate limits and breakers the caller and the attempt number. */
export function clientForJob(
  { tiktok }: Pick<StepDeps, 'tiktok'>,
  { organizationId, jobId }: Pick<StepContext, 'organizationId' | 'jobId'>,
  // A step that became pending under an older machine version has no attempts.
  { accountId, attempts = 0 }: { readonly accountId: string; readonly attempts?: number },
): TikTokClient {
  return tiktok.forCaller({ organizationId, accountId, requester: jobId }, attempts + 1)
}

/**
 * The account's access token with at least `forSeconds` left, or half its lifetime where TikTok grants less than that. When
 * less is left, the account machine refreshes it, once for all jobs, and the step is deferred.
 */
export async function requireAccessToken(
  deps: StepDeps,
  { organizationId, accountId }: AccountRef,
  forSeconds: number,
): Promise<Access> {
  const { db, encryptor } = deps
  const stored = await readTokens(db, accountId)
  const [account] = await findAccounts(db, organizationId, [accountId])
  if (stored) {
    const { version, lifetimeSeconds } = stored
    const leftSeconds = (expiryOf(stored, account) - stored.now.getTime()) / 1_000
    const lifetime = lifetimeSeconds ?? forSeconds
    if (leftSeconds >= (lifetime >= forSeconds ? forSeconds : lifetime / 2)) {
      const associatedData = { organizationId, row: accountId, column: 'access_token' }
      return { kind: 'token', token: encryptor.open(stored.accessTokenSealed, associatedData), version }
    }
    await sendToAccount(deps, { organizationId, accountId }, { type: 'refresh', version })
  }
  return { kind: 'unavailable', error: errorWithoutToken(account) }
}

/** TikTok refused a token that should be valid. The machine refreshes it, or knows that only the creator can help. */
export async function tokenRefused(deps: StepDeps, account: AccountRef, version: number): Promise<StepError> {
  await sendToAccount(deps, account, { type: 'accessRefused', version })
  const [updated] = await findAccounts(deps.db, account.organizationId, [account.accountId])
  return errorWithoutToken(updated)
}

/** A step without a token waits for the refresh that is running, or for the creator. */
function errorWithoutToken(account: AccountRecord | undefined): StepError {
  // A failed refresh is retried after a back-off: until then a poll once a minute suffices.
  if (account?.state === 'refreshing.backingOff')
    return { ...refreshing, afterSeconds: 1 + Math.min(60, Math.max(0, account.wakesInSeconds ?? 0)) }
  return account?.state === 'connected' || account?.state === 'refreshing.requesting'
    ? refreshing
    : { kind: 'needsAccount', failure: needsConnection(account?.context.failure) }
}

const refreshing: Extract<StepError, { readonly kind: 'deferred' }> = {
  kind: 'deferred',
  afterSeconds: 1,
  failure: ownFailure(
    'RETRY_AFTER',
    'TOKEN_REFRESHING',
    'The account is getting a new token; the job continues in a moment.',
  ),
}

/** When the access token expires, in epoch milliseconds. The machine shortens the life of a token that TikTok has refused. */
function expiryOf({ version, accessExpiresAt }: StoredTokens, account: AccountRecord | undefined): number {
  const known = account && contextOf(accountMachine, account)
  const expiresAt = accessExpiresAt.getTime()
  return known?.version === version ? Math.min(expiresAt, known.accessExpiresAt) : expiresAt
}

/** Sends an event to the account's machine. A refused event means that the account has changed meanwhile; the caller rereads it. */
async function sendToAccount(deps: StepDeps, account: AccountRef, event: AccountEvent): Promise<void> {
  await deps.db.transaction().execute((tx) => sendAccountEvent(tx, deps, { ...account, event }))
}

function needsConnection(cause: unknown): Failure {
  const { code, source } = (cause ?? {}) as Partial<Failure>
  const message = 'The account has to be connected again; the job then continues.'
  return { verdict: 'NEEDS_USER', code: code ?? 'ACCOUNT_NOT_CONNECTED', message, ...(source && { source }) }
}
