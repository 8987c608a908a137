import { timingSafeEqual } from 'node:crypto'
import { parseApiKey } from '../../commands/tenant/create-api-key.ts'
import { type Db, inOrganization } from '../../store/database.ts'
import { findKeyForAuthentication, recordKeyUse, type Scope } from '../../store/tenant/api-keys.ts'
import type { Viewer } from './context.ts'

/** Finds out who asks. */
export interface Authenticator {
  /** `authorization` is the header's value, `Bearer rp_live_…`. Null for everybody whom we do not know. */
  authenticate(authorization: string | null | undefined): Promise<Viewer | null>
}

const recordUseIntervalMs = 60_000

export function createAuthenticator(db: Db, onError: (error: unknown) => void): Authenticator {
  const notedAt = new Map<string, number>()

  const noteUse = (organizationId: string, keyId: string) => {
    const now = performance.now()
    if (now - (notedAt.get(keyId) ?? Number.NEGATIVE_INFINITY) < recordUseIntervalMs) return
    notedAt.set(keyId, now)
    inOrganization(db, organizationId, (tx) => recordKeyUse(tx, organizationId, keyId)).catch(onError)
  }

  return {
    async authenticate(authorization) {
      const [, key] = /^Bearer ([^ ]+)$/i.exec(authorization ?? '') ?? []
      const claimed = key === undefined ? null : parseApiKey(key)
      if (!claimed) return null
      const kept = await findKeyForAuthentication(db, claimed.id)
      // In constant time: how much of a hash was right is nobody's business.
      if (!kept || !timingSafeEqual(kept.hash, claimed.hash)) return null
      noteUse(kept.organizationId, claimed.id)
      return {
        organizationId: kept.organizationId,
        keyId: claimed.id,
        scopes: new Set(kept.scopes as readonly Scope[]), // A CHECK constraint allows nothing else.
      }
    },
  }
}
