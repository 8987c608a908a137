import type { Signer } from './signer.ts'

/** Which media a token may upload, and the API key that it ends with. */
export interface UploadGrant {
  readonly organizationId: string
  readonly mediaId: string
  readonly keyId: string
}

/** A token that uploads one media until `expiresAt`, epoch milliseconds, and permits nothing else. */
export function signUploadToken(signer: Signer, grant: UploadGrant, expiresAt: number): string {
  return signer.sign('upload', [grant.organizationId, grant.mediaId, grant.keyId], expiresAt)
}

/** What a token permits at `now`; null for text that is no valid token. */
export function readUploadToken(signer: Signer, token: string, now: number): UploadGrant | null {
  const [organizationId, mediaId, keyId] = signer.verify('upload', token, now) ?? []
  if (organizationId === undefined || mediaId === undefined || keyId === undefined) return null
  return { organizationId, mediaId, keyId }
}
