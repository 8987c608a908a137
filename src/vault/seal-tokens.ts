import type { TokenGrant } from '../providers/tiktok/oauth/token.ts'
import type { NewTokens } from '../store/account/tokens.ts'
import type { Sealer } from './sealer.ts'

/** A grant as it goes into the vault: both tokens sealed for their account and no other place. */
export function sealTokens(
  sealer: Sealer,
  { organizationId, accountId }: { readonly organizationId: string; readonly accountId: string },
  grant: TokenGrant,
): NewTokens {
  const place = { organizationId, row: accountId }
  return {
    accessTokenSealed: sealer.seal(grant.accessToken, { ...place, column: 'access_token' }),
    refreshTokenSealed: sealer.seal(grant.refreshToken, { ...place, column: 'refresh_token' }),
    expiresInSeconds: grant.expiresInSeconds,
    refreshExpiresInSeconds: grant.refreshExpiresInSeconds,
  }
}
