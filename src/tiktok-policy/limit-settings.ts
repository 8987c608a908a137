import { LimitInvalid } from '../rate-limit/validate.ts'
import type { Db } from '../store/database.ts'
import { inOrganization } from '../store/database.ts'
import {
  insertLearnedCap,
  type RateLimitSettings,
  readRateLimitSettings,
} from '../store/rate-limit/settings.ts'
import { type Account, learnedForMs } from './rate-limits.ts'

/** What organizations have set, and what was learned of their creators. */
export interface LimitBook {
  /** As of at most ten seconds ago. */
  of(organizationId: string): Promise<RateLimitSettings>
  /** To be called when somebody else has changed the organization's limits, so that this shows at once. */
  forget(organizationId: string): void
  /**
   * TikTok has refused one more post (`spam_risk_too_many_posts`) after so many in the last 24 hours: that is the creator's
   * cap for now, at least 1. Posts by other apps count in it, so it is forgotten after a week.
   */
  learnCap(account: Account, postsInTheLast24h: number): Promise<void>
}

const freshMs = 10_000

export function createLimitBook(db: Db): LimitBook {
  const read = new Map<string, { readonly at: number; readonly settings: Promise<RateLimitSettings> }>()

  return {
    of(organizationId) {
      const known = read.get(organizationId)
      if (known && performance.now() - known.at < freshMs) return known.settings
      const settings = inOrganization(db, organizationId, (tx) =>
        readRateLimitSettings(tx, organizationId, new Date(Date.now() - learnedForMs)),
      )
      read.set(organizationId, { at: performance.now(), settings })
      // A failure is not remembered: the next one asks again.
      settings.catch(() => read.delete(organizationId))
      return settings
    },
    forget(organizationId) {
      read.delete(organizationId)
    },
    async learnCap(account, postsInTheLast24h) {
      if (!(Number.isInteger(postsInTheLast24h) && postsInTheLast24h >= 0))
        throw new LimitInvalid(`posts must be a whole number, not ${postsInTheLast24h}`)
      await insertLearnedCap(db, account, Math.max(1, postsInTheLast24h))
      read.delete(account.organizationId)
    },
  }
}
