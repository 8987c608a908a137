import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import {
  claimPresentation,
  deleteTokens,
  readTokens,
  type StoredTokens,
  withdrawPresentation,
  writeTokens,
} from '../../store/account/tokens.ts'
import { sealTokens } from '../../vault/seal-tokens.ts'
import { failureOfAnswer } from '../../verdict/tiktok-answer.ts'
import { ownFailure } from '../failure.ts'
import { deferred, needsAccount, outcomeUnknown, retry } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { clientForJob } from './access-token.ts'

/** Longer than the refresh call can take: after this long its answer is lost. */
const maxAnswerSeconds = 60

/**
 * Presents the refresh token of one version at most once, and stores the new pair before anything uses it.
 *
 * A worker that finds the token presented already waits for the new pair. If none has come when the call's time is over,
 * the answer is lost, and the grant with it.
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
  if (!stored) return notConnected()
  if (stored.version > version) return done(expiryOf(stored))
  // Opened before the presentation is recorded: if the key is missing, nothing is sent and the token stays valid.
  const associatedData = { organizationId, row: accountId, column: 'refresh_token' }
  const refreshToken = encryptor.open(stored.refreshTokenSealed, associatedData)
  if (!(await claimPresentation(db, accountId, version))) return presentedBefore(stored)

  // Without the abort signal: an aborted call would lose the grant. The client's own deadline ends it.
  const answer = await clientForJob(deps, context, input).refreshToken(refreshToken)
  switch (answer.kind) {
    case 'ok': {
      const tokens = sealTokens(encryptor, { organizationId, accountId }, answer.grant)
      const expiry = await writeTokens(db, accountId, tokens, version)
      // Null when the creator has granted again meanwhile: the store holds that newer pair.
      const written = expiry ?? (await readTokens(db, accountId).then((now) => now && expiryOf(now)))
      return written ? done({ ...written }) : notConnected()
    }
    case 'unknown':
      // An error response shows that the token was not used up; a missing response shows nothing.
      if (answer.cause !== 'serverError') return answerLost()
      break
    case 'refused':
    case 'unauthorized':
      // TikTok examined the token and refused it: it is invalid, whatever the reason.
      return needsAccount(failureOfAnswer('oauth', answer))
    default:
  }
  await withdrawPresentation(db, accountId, version)
  if (answer.kind === 'deferred') return deferred(answer)
  const afterSeconds = 'retryAfterSeconds' in answer ? answer.retryAfterSeconds : undefined
  return retry(failureOfAnswer('oauth', answer), afterSeconds)
}

function notConnected(): StepOutcome {
  const message = 'The account no longer has tokens.'
  return needsAccount(ownFailure('NEEDS_USER', 'ACCOUNT_NOT_CONNECTED', message))
}

function presentedBefore({ presentedAt, now }: StoredTokens): StepOutcome {
  const sinceSeconds = presentedAt ? (now.getTime() - presentedAt.getTime()) / 1_000 : maxAnswerSeconds
  if (sinceSeconds >= maxAnswerSeconds) return answerLost()
  const message = 'Another worker is waiting for the answer of TikTok.'
  return retry(ownFailure('RETRY_AFTER', 'TOKEN_REFRESHING', message), 5)
}

function answerLost(): StepOutcome {
  const message =
    'The answer to a token refresh was lost. TikTok accepts a refresh token once, so it is not presented again.'
  return outcomeUnknown(ownFailure('NEEDS_USER', 'REFRESH_ANSWER_LOST', message))
}

function expiryOf({ version, accessExpiresAt, refreshExpiresAt }: StoredTokens) {
  return {
    version,
    accessExpiresAt: accessExpiresAt.getTime(),
    refreshExpiresAt: refreshExpiresAt.getTime(),
  }
}

/** Revokes the grant at TikTok, best effort, and deletes the tokens in any case. */
export async function revokeTokens(
  deps: StepDeps,
  context: StepContext,
  { accountId }: { readonly accountId: string },
): Promise<StepOutcome> {
  const { db, encryptor } = deps
  const { organizationId, signal } = context
  const stored = await readTokens(db, accountId)
  if (stored) {
    const associatedData = { organizationId, row: accountId, column: 'access_token' }
    const accessToken = encryptor.open(stored.accessTokenSealed, associatedData)
    const answer = await clientForJob(deps, context, { accountId }).revoke(accessToken, signal)
    if (answer.kind === 'deferred') return deferred(answer)
    if (answer.kind === 'rateLimited') return retry(failureOfAnswer('oauth', answer))
  }
  await deleteTokens(db, accountId)
  return done()
}
