import type { StepError } from '../../machines/failure.ts'
import type { Secret } from '../secret.ts'
import {
  markForReauthorization,
  readTokens,
  releaseRefreshLease,
  takeRefreshLease,
  writeTokens,
} from '../store/token-store.ts'
import type { StepDeps } from './deps.ts'
import { failure } from './failure.ts'
import { tiktokError } from './tiktok-failure.ts'

type Token =
  | { readonly kind: 'token'; readonly token: Secret }
  | { readonly kind: 'none'; readonly error: StepError }

const needsOwner: Token = {
  kind: 'none',
  error: {
    kind: 'needsPerson',
    failure: failure('NEEDS_USER', 'account_disconnected', 'The account has to be connected again.'),
  },
}
const soon: Token = {
  kind: 'none',
  error: {
    kind: 'retry',
    afterSeconds: 2,
    failure: failure('RETRY_AFTER', 'token_refreshing', 'The token is being refreshed.'),
  },
}

/**
 * The account's access token, with at least `forSeconds` left. Refreshes it if need be: one worker at a time, the new
 * pair persisted before it is first used, the old refresh token never presented twice.
 */
export async function accessToken(deps: StepDeps, accountId: string, forSeconds: number): Promise<Token> {
  const { db, sealer, tiktok } = deps
  const stored = await readTokens(db, accountId)
  if (stored?.state !== 'connected') return needsOwner
  const leftSeconds = (stored.accessExpiresAt.getTime() - stored.now.getTime()) / 1_000
  if (leftSeconds >= forSeconds)
    return { kind: 'token', token: sealer.open(stored.accessTokenSealed, `access_token/${accountId}`) }

  if (!(await takeRefreshLease(db, accountId, stored.version))) return soon
  const answer = await tiktok.refreshToken(
    sealer.open(stored.refreshTokenSealed, `refresh_token/${accountId}`),
  )
  if (answer.kind === 'notSent' || answer.kind === 'rateLimited') {
    await releaseRefreshLease(db, accountId, stored.version)
    return { kind: 'none', error: tiktokError(answer) }
  }
  // A lost answer keeps the lease: TikTok may have rotated, and the old token must not be presented again at once.
  if (answer.kind === 'unknown') return { kind: 'none', error: tiktokError(answer) }
  if (answer.kind !== 'ok') {
    await markForReauthorization(db, accountId, stored.version)
    return needsOwner
  }
  const { grant } = answer
  await writeTokens(db, accountId, stored.version, {
    accessTokenSealed: sealer.seal(grant.accessToken, `access_token/${accountId}`),
    refreshTokenSealed: sealer.seal(grant.refreshToken, `refresh_token/${accountId}`),
    expiresInSeconds: grant.expiresInSeconds,
    refreshExpiresInSeconds: grant.refreshExpiresInSeconds,
  })
  // A fresh token may live shorter than asked for: then it must do.
  return { kind: 'token', token: grant.accessToken }
}
