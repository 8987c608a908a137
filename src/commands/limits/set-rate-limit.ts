import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import {
  lockRateLimit,
  type RateLimitName,
  setRateLimit as setLimit,
} from '../../store/rate-limit/settings.ts'
import { invalid, type Refusal } from '../refusal.ts'

const maxLimit = 10_000

/**
 * Sets an organization's rate limit: uploads or reads per minute, or posts per account and 24 hours. Null restores the default.
 * Processes that have cached the limit use the new one within seconds.
 */
export async function setRateLimit(
  tx: Tx,
  {
    organizationId,
    name,
    limit,
  }: { readonly organizationId: string; readonly name: RateLimitName; readonly limit: number | null },
): Promise<{ readonly kind: 'done'; readonly name: RateLimitName } | Refusal> {
  if (limit !== null && !(Number.isInteger(limit) && limit >= 1 && limit <= maxLimit))
    return invalid('limit', `must be a whole number from 1 to ${maxLimit}`)

  const from = await lockRateLimit(tx, organizationId, name)
  await setLimit(tx, organizationId, name, limit)
  await appendEvent(tx, { organizationId, type: 'rateLimit.changed', payload: { name, from, to: limit } })
  return { kind: 'done', name }
}
