import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import {
  lockRateLimit,
  type RateLimitName,
  setRateLimit as setLimit,
} from '../../store/rate-limit/settings.ts'
import { invalid, type Refusal } from '../refusal.ts'

const mostOfLimit = 10_000

/**
 * Sets how many uploads or reads an organization may make in a minute, or posts by each account in 24 hours; null goes back
 * to the default. Processes that have read the limit lately hear of it within seconds.
 */
export async function setRateLimit(
  tx: Tx,
  {
    organizationId,
    name,
    most,
  }: { readonly organizationId: string; readonly name: RateLimitName; readonly most: number | null },
): Promise<{ readonly kind: 'done'; readonly name: RateLimitName } | Refusal> {
  if (most !== null && !(Number.isInteger(most) && most >= 1 && most <= mostOfLimit))
    return invalid('limit', `must be a whole number from 1 to ${mostOfLimit}`)

  const from = await lockRateLimit(tx, organizationId, name)
  await setLimit(tx, organizationId, name, most)
  await appendEvent(tx, { organizationId, type: 'rateLimit.changed', payload: { name, from, to: most } })
  return { kind: 'done', name }
}
