import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import {
  claimPresentation,
  forgetTokens,
  readTokens,
  type StoredTokens,
  withdrawPresentation,
  writeTokens,
} from '../../store/account/tokens.ts'
import { sealTokens } from '../../vault/seal-tokens.ts'
import { failureOfAnswer } from '../../verdict/tiktok-answer.ts'
import { fail, failure } from '../failure.ts'
import { parked } from '../parked.ts'
import type { StepDeps } from '../step-deps.ts'
import { clientFor } from './client-for.ts'

/** A presentation whose worker has not been heard of for so long has lost its answer: longer than the call may take. */
const answerSeconds = 60

/**
 * Presents the refresh token of one version, at most once, and puts the new pair into the vault before anybody uses it.
 * A worker that finds it presented already looks whether the new pair has come; if it has not, and nobody can still be
 * waiting for it, the answer is lost and with it the grant.
 */
export async function refreshTokens(
  deps: StepDeps,
  context: StepContext,
  input: { readonly accountId: string; readonly version: number; readonly attempts?: number },
): Promise<StepOutcome> {
  const { db, encryptor } = deps
  const { accountId, version } = input
  const { organizationId } = context
  const stored = await readTokens(db, accountId)
  if (!stored)
    return fail({ kind: 'needsAccount', failure: failure('NEEDS_USER', 'ACCOUNT_NOT_CONNECTED', gone) })
  if (stored.version > version) return done(expiryOf(stored))
  // Opened before it is noted as presented: without its key nothing is sent, and the token stays good.
  const place = { organizationId, row: accountId, column: 'refresh_token' }
  const refreshToken = encryptor.open(stored.refreshTokenSealed, place)
  if (!(await claimPresentation(db, accountId, version))) return answerOfAnother(stored)

  // Not to be aborted: whoever stops listening loses the grant. The client has a deadline of its own.
  const answer = await clientFor(deps, context, input).refreshToken(refreshToken)
  switch (answer.kind) {
    case 'ok': {
      const tokens = sealTokens(encryptor, { organizationId, accountId }, answer.grant)
      const expiry = await writeTokens(db, accountId, tokens, version)
      // Null if the creator has granted anew meanwhile: that newer pair is in the vault.
      const written = expiry ?? (await readTokens(db, accountId).then((now) => now && expiryOf(now)))
      return written
        ? done({ ...written })
        : fail({ kind: 'needsAccount', failure: failure('NEEDS_USER', 'ACCOUNT_NOT_CONNECTED', gone) })
    }
    case 'unknown':
      // An error that was answered says that the token was not taken; silence says nothing.
      if (answer.cause !== 'serverError') return lost()
      break
    case 'refused':
    case 'unauthorized':
      // TikTok looked at the token and said no: it is dead, whoever killed it.
      return fail({ kind: 'needsAccount', failure: failureOfAnswer('oauth', answer) })
    default:
  }
  await withdrawPresentation(db, accountId, version)
  if (answer.kind === 'deferred') return parked(answer)
  const afterSeconds = 'retryAfterSeconds' in answer ? answer.retryAfterSeconds : undefined
  return fail({
    kind: 'retry',
    ...(afterSeconds !== undefined && { afterSeconds }),
    failure: failureOfAnswer('oauth', answer),
  })
}

const gone = 'The account has no tokens any more.'

function answerOfAnother({ presentedAt, now }: StoredTokens): StepOutcome {
  const sinceSeconds = presentedAt ? (now.getTime() - presentedAt.getTime()) / 1_000 : answerSeconds
  if (sinceSeconds >= answerSeconds) return lost()
  const message = 'Another worker waits for the answer of TikTok.'
  return fail({
    kind: 'retry',
    afterSeconds: 5,
    failure: failure('RETRY_AFTER', 'TOKEN_REFRESHING', message),
  })
}

function lost(): StepOutcome {
  const message =
    'The answer to a refresh was lost; TikTok takes a refresh token once, so this one is not shown again.'
  return fail({ kind: 'unknown', failure: failure('NEEDS_USER', 'REFRESH_ANSWER_LOST', message) })
}

function expiryOf({ version, accessExpiresAt, refreshExpiresAt }: StoredTokens) {
  return {
    version,
    accessExpiresAt: accessExpiresAt.getTime(),
    refreshExpiresAt: refreshExpiresAt.getTime(),
  }
}

/** Gives the grant back to TikTok, as well as that goes, and empties the vault in any case. */
export async function revokeTokens(
  deps: StepDeps,
  context: StepContext,
  { accountId }: { readonly accountId: string },
): Promise<StepOutcome> {
  const { db, encryptor } = deps
  const { organizationId, signal } = context
  const stored = await readTokens(db, accountId)
  if (stored) {
    const place = { organizationId, row: accountId, column: 'access_token' }
    const answer = await clientFor(deps, context, { accountId }).revoke(
      encryptor.open(stored.accessTokenSealed, place),
      signal,
    )
    if (answer.kind === 'deferred') return parked(answer)
    if (answer.kind === 'rateLimited')
      return fail({ kind: 'retry', failure: failureOfAnswer('oauth', answer) })
  }
  await forgetTokens(db, accountId)
  return done()
}
