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
import { problemOfReason } from '../text.ts'

export type ForceMode = 'open' | 'closed' | 'release'

export type ForceBreakerResult =
  | {
      readonly kind: 'done'
      readonly key: string
    }
  | Refusal

/** After so many lost races in a row the cause is not a race. */
const maxCommitAttempts = 20

/**
 * Forces a breaker open or closed regardless of call outcomes, or releases it.
 *
 * An organization may force the breakers of its own accounts. It may force those of upstreams, which all organizations share,
 * only while it is the only organization. Without an `organizationId` the operator forces any breaker.
 */
export async function forceBreaker(
  tx: Tx,
  request: {
    readonly organizationId: string | null
    readonly key: string
    readonly mode: ForceMode
    readonly reason: string
    /** The API key that made the request, for the audit record. */
    readonly by: string | null
  },
): Promise<ForceBreakerResult> {
  const { organizationId, key, mode, by } = request
  const reason = request.reason.trim()
  const problem = problemOfReason(reason)
  if (problem !== null) return invalid('reason', problem)

  const event = eventOf(mode, by, reason)
  for (let left = maxCommitAttempts; left > 0; left -= 1) {
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
  throw new Error(`breaker ${key} changed during ${maxCommitAttempts} attempts to force it`)
}

/** Finds a breaker. An account's breaker exists without a row, which is inserted at its first failure or when it is forced. */
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

/** Parses a breaker's key. Only a key of the exact form `tiktok/<account id>` names an account's breaker. */
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
