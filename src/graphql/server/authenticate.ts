import { timingSafeEqual } from 'node:crypto'
import { parseApiKey } from '../../commands/tenant/create-api-key.ts'
import { type Db, inOrganization } from '../../store/database.ts'
import { findKeyForAuthentication, recordKeyUse, type Scope } from '../../store/tenant/api-keys.ts'
import type { Viewer } from './context.ts'
import type { KeyWatch, WatchedKey } from './key-watch.ts'

export interface Authenticator {
  /** `authorization` is the header's value, `Bearer rp_live_…`. Returns null if the key is missing, malformed, unknown or revoked. */
  authenticate(authorization: string | null | undefined): Promise<Viewer | null>
  /**
   * Makes this process look the organization's keys up again, because one of them may have been revoked. Default: the keys of all,
   * because the database may be unreachable.
   */
  forgetKeys(organizationId?: string): void
  close(): void
}

/** How often the last use of a key is written to the database. */
const recordUseIntervalMs = 60_000
/** A key that is not used for this long is no longer kept, and no longer checked. */
const maxUnusedMs = 10_000
/** The check of a thousand keys takes about 5 ms of the database, four times a second. */
const maxKept = 1_000

/** A key that was valid when it was looked up, and that the watch checks from then on. */
interface KeptKey {
  readonly hash: Buffer
  readonly viewer: Viewer
  readonly watched: WatchedKey
  usedAt: number
}

/**
 * Keeps the keys in use in memory. A kept key is trusted only while the watch has confirmed it within its 750 ms; otherwise, and
 * so whenever the database cannot be reached, it is looked up as if it had never been seen.
 */
export function createAuthenticator(
  db: Db,
  keys: KeyWatch,
  onError: (error: unknown) => void,
): Authenticator {
  const kept = new Map<string, KeptKey>()
  const recordedAt = new Map<string, number>()

  const recordUse = (organizationId: string, keyId: string) => {
    const now = performance.now()
    if (now - (recordedAt.get(keyId) ?? Number.NEGATIVE_INFINITY) < recordUseIntervalMs) return
    recordedAt.set(keyId, now)
    inOrganization(db, organizationId, (tx) => recordKeyUse(tx, organizationId, keyId)).catch(onError)
  }
  const forget = (keyId: string) => {
    kept.get(keyId)?.watched.release()
    kept.delete(keyId)
  }
  const forgetKeys = (organizationId?: string) => {
    for (const [keyId, { viewer }] of kept)
      if (organizationId === undefined || viewer.organizationId === organizationId) forget(keyId)
  }
  const keep = (keyId: string, hash: Buffer, viewer: Viewer) => {
    forget(keyId)
    const [oldest] = kept.keys()
    if (oldest !== undefined && kept.size >= maxKept) forget(oldest)
    const watched = keys.watch(keyId, () => kept.delete(keyId))
    kept.set(keyId, { hash, viewer, watched, usedAt: performance.now() })
  }
  const timer = setInterval(() => {
    const before = performance.now() - maxUnusedMs
    for (const [keyId, { usedAt }] of kept) if (usedAt < before) forget(keyId)
  }, maxUnusedMs)
  timer.unref()

  return {
    async authenticate(authorization) {
      const [, key] = /^Bearer ([^ ]+)$/i.exec(authorization ?? '') ?? []
      const claimed = key === undefined ? null : parseApiKey(key)
      if (!claimed) return null
      const known = kept.get(claimed.id)
      // The comparison takes constant time, so that its duration reveals nothing about the stored hash.
      if (known?.watched.isConfirmed() && timingSafeEqual(known.hash, claimed.hash)) {
        known.usedAt = performance.now()
        recordUse(known.viewer.organizationId, claimed.id)
        return known.viewer
      }
      const stored = await findKeyForAuthentication(db, claimed.id)
      if (!stored || !timingSafeEqual(stored.hash, claimed.hash)) return null
      const { organizationId, hash } = stored
      recordUse(organizationId, claimed.id)
      const viewer: Viewer = {
        organizationId,
        keyId: claimed.id,
        scopes: new Set(stored.scopes as readonly Scope[]), // A CHECK constraint allows nothing else.
      }
      keep(claimed.id, hash, viewer)
      return viewer
    },
    forgetKeys,
    close() {
      clearInterval(timer)
      forgetKeys()
    },
  }
}
