import type { BreakerEvent } from '../../../machines/breaker.ts'
import { breakerAt, commitBreakers, transitionBreaker } from '../../circuit-breaker/breaker.ts'
import {
  type BreakerKey,
  type BreakerRecord,
  isOnlyOrganization,
  readBreakers,
} from '../../store/breaker/breakers.ts'
import type { Tx } from '../../store/database.ts'
import { invalid, type Refusal } from '../refusal.ts'

export type ForceMode = 'open' | 'closed' | 'release'

export type ForceBreakerResult =
  | {
      readonly kind: 'done'
      readonly key: string
    }
  | Refusal

const mostReason = 500
/** Lost so often in a row, something else is wrong than a race. */
const mostTries = 20

/**
 * Holds a breaker open or closed whatever calls say, or lets go of it.
 *
 * An organization forces the breakers of its own accounts; those of upstreams, which all organizations share, only while
 * it is the installation's only one. Without an organization it is the operator, at the command line, who forces any.
 */
export async function forceBreaker(
  tx: Tx,
  request: {
    readonly organizationId: string | null
    readonly key: string
    readonly mode: ForceMode
    readonly reason: string
    /** The API key that asked, for the record. */
    readonly by: string | null
  },
): Promise<ForceBreakerResult> {
  const { organizationId, key, mode, by } = request
  const reason = request.reason.trim()
  if (reason.length < 1 || reason.length > mostReason)
    return invalid('reason', `must have 1 to ${mostReason} characters`)

  const event = eventOf(mode, by, reason)
  for (let left = mostTries; left > 0; left -= 1) {
    const found = await findBreaker(tx, organizationId, key)
    if (!found) return { kind: 'missing', field: 'key' }
    if (found.record.organizationId === null && organizationId !== null && !(await isOnlyOrganization(tx)))
      return invalid(
        'key',
        'is of an upstream that several organizations share: only the operator may force it',
      )

    const breaker = breakerAt(found.record, found.now)
    const moved = transitionBreaker(breaker, event, found.now, { reason, by })
    if (moved.kind === 'refused') return moved
    const committed = await commitBreakers(tx, [moved.breaker], organizationId)
    if (committed.kind === 'committed') return { kind: 'done', key }
  }
  throw new Error(`breaker ${key} moved ${mostTries} times while it was to be forced`)
}

/** A breaker that there is, or that there may be: an account's gets its row when it first fails, or is forced. */
async function findBreaker(
  tx: Tx,
  organizationId: string | null,
  key: string,
): Promise<{ readonly record: BreakerRecord; readonly now: number } | null> {
  const { breakers, now } = await readBreakers(tx, [breakerKeyOf(key)])
  const [record] = breakers
  if (!record) return null
  const isUpstream = record.accountId === null
  if (
    isUpstream ? record.revision === 0 : organizationId !== null && record.organizationId !== organizationId
  )
    return null
  return { record, now }
}

const accountKey = /^tiktok\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** Which breaker a key names; only one of the exact form names an account's. */
export function breakerKeyOf(key: string): BreakerKey {
  return { key, accountId: accountKey.exec(key)?.[1] ?? null }
}

function eventOf(mode: ForceMode, by: string | null, reason: string): BreakerEvent {
  switch (mode) {
    case 'open':
      return { type: 'forceOpen', by, reason }
    case 'closed':
      return { type: 'forceClosed', by, reason }
    case 'release':
      return { type: 'release' }
  }
}
