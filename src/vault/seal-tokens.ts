import type { Secret } from '../secret.ts'
import type { Encryptor } from './encryptor.ts'

/** A pair of tokens as a provider grants it. */
interface TokenPair {
  readonly accessToken: Secret
  readonly refreshToken: Secret
  readonly expiresInSeconds: number
  readonly refreshExpiresInSeconds: number
}

/** The same pair as it is stored. */
interface SealedTokens {
  readonly accessTokenSealed: string
  readonly refreshTokenSealed: string
  readonly expiresInSeconds: number
  readonly refreshExpiresInSeconds: number
}

/** Encrypts both tokens of an account, each bound to its own column of the account's row. */
export function sealTokens(
  encryptor: Encryptor,
  { organizationId, accountId }: { readonly organizationId: string; readonly accountId: string },
  { accessToken, refreshToken, expiresInSeconds, refreshExpiresInSeconds }: TokenPair,
): SealedTokens {
  const row = { organizationId, row: accountId }
  return {
    accessTokenSealed: encryptor.seal(accessToken, { ...row, column: 'access_token' }),
    refreshTokenSealed: encryptor.seal(refreshToken, { ...row, column: 'refresh_token' }),
    expiresInSeconds,
    refreshExpiresInSeconds,
  }
}
