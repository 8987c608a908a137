import { InvalidLimitError } from '../rate-limit/validate.ts'
import { type Db, inOrganization } from '../store/database.ts'
import {
  type RateLimitSettings,
  readRateLimitSettings,
  writeLearnedCap,
} from '../store/rate-limit/settings.ts'
import { type AccountRef, learnedForMs } from './rate-limits.ts'

/** Caches the limits that organizations have set and the caps that were learned of their creators. */
export interface LimitSettingsCache {
  /** At most ten seconds old. */
  read(organizationId: string): Promise<RateLimitSettings>
  /** Call it after a change of the organization's limits, so that the change applies at once. */
  invalidate(organizationId: string): void
  /**
   * Records a creator's daily cap after TikTok refused one more post (`spam_risk_too_many_posts`): the posts of the last 24
   * hours, at least 1. Posts by other apps count towards the real cap, so a learned one expires after a week.
   */
  learnCap(account: AccountRef, postsInTheLast24h: number): Promise<void>
}

const maxAgeMs = 10_000

export function createLimitSettingsCache(db: Db): LimitSettingsCache {
  const entries = new Map<string, { readonly at: number; readonly settings: Promise<RateLimitSettings> }>()

  return {
    read(organizationId) {
      const entry = entries.get(organizationId)
      if (entry && performance.now() - entry.at < maxAgeMs) return entry.settings
      const settings = inOrganization(db, organizationId, (tx) =>
        readRateLimitSettings(tx, organizationId, new Date(Date.now() - learnedForMs)),
      )
      entries.set(organizationId, { at: performance.now(), settings })
      // A failure is not cached.
      settings.catch(() => entries.delete(organizationId))
      return settings
    },
    invalidate(organizationId) {
      entries.delete(organizationId)
    },
    async learnCap(account, postsInTheLast24h) {
      if (!(Number.isInteger(postsInTheLast24h) && postsInTheLast24h >= 0))
        throw new InvalidLimitError(`posts must be a whole number, not ${postsInTheLast24h}`)
      await writeLearnedCap(db, account, Math.max(1, postsInTheLast24h))
      entries.delete(account.organizationId)
    },
  }
}
