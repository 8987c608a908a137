import { timingSafeEqual } from 'node:crypto'
import { parseApiKey } from '../../commands/tenant/create-api-key.ts'
import { type Db, inOrganization } from '../../store/database.ts'
import { findKeyForAuthentication, recordKeyUse, type Scope } from '../../store/tenant/api-keys.ts'
import type { Viewer } from './context.ts'

export interface Authenticator {
  /** `authorization` is the header's value, `Bearer rp_live_…`. Returns null if the key is missing, malformed, unknown or revoked. */
  authenticate(authorization: string | null | undefined): Promise<Viewer | null>
}

/** How often the last use of a key is written to the database. */
const recordUseIntervalMs = 60_000

export function createAuthenticator(db: Db, onError: (error: unknown) => void): Authenticator {
  const recordedAt = new Map<string, number>()

  const recordUse = (organizationId: string, keyId: string) => {
    const now = performance.now()
    if (now - (recordedAt.get(keyId) ?? Number.NEGATIVE_INFINITY) < recordUseIntervalMs) return
    recordedAt.set(keyId, now)
    inOrganization(db, organizationId, (tx) => recordKeyUse(tx, organizationId, keyId)).catch(onError)
  }

  return {
    async authenticate(authorization) {
      const [, key] = /^Bearer ([^ ]+)$/i.exec(authorization ?? '') ?? []
      const claimed = key === undefined ? null : parseApiKey(key)
      if (!claimed) return null
      const stored = await findKeyForAuthentication(db, claimed.id)
      // The comparison takes constant time, so that its duration reveals nothing about the stored hash.
      if (!stored || !timingSafeEqual(stored.hash, claimed.hash)) return null
      recordUse(stored.organizationId, claimed.id)
      return {
        organizationId: stored.organizationId,
        keyId: claimed.id,
        scopes: new Set(stored.scopes as readonly Scope[]), // A CHECK constraint allows nothing else.
      }
    },
  }
}
