import { createHash, randomBytes } from 'node:crypto'
import type { AuthorizationStarter } from '../commands/account/connect-account.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import { codeChallengeOf, createCodeVerifier } from '../providers/tiktok/oauth/authorize-url.ts'
import { Secret } from '../secret.ts'
import type { AssociatedData, Encryptor } from '../vault/encryptor.ts'

/** The path of TikTok's redirect after consent, and the path of its webhooks. */
export const callbackPath = '/oauth/tiktok/callback'
export const webhookPath = '/webhooks/tiktok'

/** Only this hash of the state is stored: reading the table does not permit finishing the authorization. */
export function hashOfState(state: string): Buffer {
  return createHash('sha256').update(state).digest()
}

export function verifierAssociatedData(organizationId: string, attemptId: string): AssociatedData {
  return { organizationId, row: attemptId, column: 'verifier' }
}

function authorizeUrlAssociatedData(organizationId: string, attemptId: string): AssociatedData {
  return { organizationId, row: attemptId, column: 'authorizeUrl' }
}

/** Starts authorizations at TikTok. The consent page is always shown, so that a person can choose another account. */
export function createAuthorizationStarter({
  tiktok,
  encryptor,
  publicUrl,
}: {
  readonly tiktok: Pick<TikTokClient, 'authorizeUrl'>
  readonly encryptor: Encryptor
  readonly publicUrl: () => string
}): AuthorizationStarter {
  return {
    start({ organizationId, attemptId, scopes }) {
      const state = randomBytes(32).toString('base64url')
      const verifier = createCodeVerifier()
      const redirectUri = `${publicUrl()}${callbackPath}`
      const codeChallenge = codeChallengeOf(verifier)
      const authorizeUrl = tiktok.authorizeUrl({
        redirectUri,
        scopes,
        state,
        codeChallenge,
        alwaysShowConsent: true,
      })
      return {
        authorizeUrl,
        authorizeUrlSealed: encryptor.seal(
          new Secret(authorizeUrl),
          authorizeUrlAssociatedData(organizationId, attemptId),
        ),
        redirectUri,
        stateHash: hashOfState(state),
        verifierSealed: encryptor.seal(verifier, verifierAssociatedData(organizationId, attemptId)),
      }
    },
    unseal: (sealed, { organizationId, attemptId }) =>
      encryptor.open(sealed, authorizeUrlAssociatedData(organizationId, attemptId)).reveal(),
  }
}
