import type { Signer } from './signer.ts'

/** A file that an address permits to read: a media of an organization, and which of its files. */
export interface MediaGrant {
  readonly organizationId: string
  readonly mediaId: string
  /** `file`, `poster`, or `thumbnail-1` and so on. */
  readonly variant: string
}

const hourMs = 3_600_000

/**
 * When an address that is made now expires, epoch milliseconds: one to two hours from now, at a full hour, so that browsers find the same
 * address in their caches.
 */
export function mediaExpiry(now: number): number {
  return (Math.floor(now / hourMs) + 2) * hourMs
}

export function signMediaToken(signer: Signer, grant: MediaGrant, expiresAt: number): string {
  return signer.sign('media', [grant.organizationId, grant.mediaId, grant.variant], expiresAt)
}

/** The organization whose file a token permits to read at `now`; null if it is no valid token for this file. */
export function readMediaToken(
  signer: Signer,
  token: string,
  { mediaId, variant }: Pick<MediaGrant, 'mediaId' | 'variant'>,
  now: number,
): string | null {
  const [organizationId, ofMedia, ofVariant] = signer.verify('media', token, now) ?? []
  return organizationId !== undefined && ofMedia === mediaId && ofVariant === variant ? organizationId : null
}
