import type { AccountContext, AccountEvent } from '../../../machines/account.ts'
import type { Failure, StepError } from '../../../machines/rules/failure.ts'
import { sendAccountEvent } from '../../commands/send-event.ts'
import type { Secret } from '../../secret.ts'
import { type AccountRecord, findAccounts } from '../../store/account/accounts.ts'
import { readTokens, type StoredTokens } from '../../store/account/tokens.ts'
import { failure } from '../failure.ts'
import type { StepDeps } from '../step-deps.ts'

type Access =
  | { readonly kind: 'token'; readonly token: Secret; readonly version: number }
  | { readonly kind: 'none'; readonly error: StepError }

interface OfAccount {
  readonly organizationId: string
  readonly accountId: string
}

/** The upload must end within its hour, and the token must outlast it with some room. */
export const uploadTokenSeconds = 70 * 60
export const callTokenSeconds = 60

/**
 * The account's access token, with at least `forSeconds` left, or with half its life if TikTok gives it less than that. If
 * it has less, the account machine is asked to refresh it, once for all who ask, and the step is told to come again.
 */
export async function accessToken(
  deps: StepDeps,
  { organizationId, accountId }: OfAccount,
  forSeconds: number,
): Promise<Access> {
  const { db, encryptor } = deps
  const stored = await readTokens(db, accountId)
  const [account] = await findAccounts(db, organizationId, [accountId])
  if (stored) {
    const { version, lifetimeSeconds } = stored
    const leftSeconds = (endOf(stored, account) - stored.now.getTime()) / 1_000
    const lifetime = lifetimeSeconds ?? forSeconds
    if (leftSeconds >= (lifetime >= forSeconds ? forSeconds : lifetime / 2)) {
      const place = { organizationId, row: accountId, column: 'access_token' }
      return { kind: 'token', token: encryptor.open(stored.accessTokenSealed, place), version }
    }
    await tell(deps, { organizationId, accountId }, { type: 'refresh', version })
  }
  return { kind: 'none', error: withoutToken(account) }
}

/** TikTok refused a token that should have been good: the machine refreshes it, or knows that only its creator can help. */
export async function accessRefused(deps: StepDeps, account: OfAccount, version: number): Promise<StepError> {
  await tell(deps, account, { type: 'accessRefused', version })
  const [told] = await findAccounts(deps.db, account.organizationId, [account.accountId])
  return withoutToken(told)
}

/** What a step waits for that has no token: a refresh that is under way, or the creator. */
function withoutToken(account: AccountRecord | undefined): StepError {
  // A refresh that failed is tried again in a while: until then nobody needs to look more than once a minute.
  if (account?.state === 'refreshing.backingOff')
    return { ...refreshing, afterSeconds: 1 + Math.min(60, Math.max(0, account.wakesInSeconds ?? 0)) }
  return account?.state === 'connected' || account?.state === 'refreshing.requesting'
    ? refreshing
    : { kind: 'needsAccount', failure: whyNot(account?.context.failure) }
}

const refreshing: Extract<StepError, { readonly kind: 'deferred' }> = {
  kind: 'deferred',
  afterSeconds: 1,
  failure: failure(
    'RETRY_AFTER',
    'TOKEN_REFRESHING',
    'The account gets a new token; this goes on in a moment.',
  ),
}

/** When a pair's access token ends, epoch milliseconds: the machine ends one that TikTok has refused before its time. */
function endOf({ version, accessExpiresAt }: StoredTokens, account: AccountRecord | undefined): number {
  const known = account?.context as unknown as AccountContext | undefined // The account machine's own.
  const expiresAt = accessExpiresAt.getTime()
  return known?.version === version ? Math.min(expiresAt, known.accessExpiresAt) : expiresAt
}

/** Sends the account its event; one that does not fit any more was answered by what happened meanwhile. */
async function tell(deps: StepDeps, account: OfAccount, event: AccountEvent): Promise<void> {
  await deps.db.transaction().execute((tx) => sendAccountEvent(tx, deps, { ...account, event }))
}

function whyNot(failed: unknown): Failure {
  const { code, source } = (failed ?? {}) as Partial<Failure>
  const message = 'The account has to be connected again; then this goes on by itself.'
  return { verdict: 'NEEDS_USER', code: code ?? 'ACCOUNT_NOT_CONNECTED', message, ...(source && { source }) }
}
