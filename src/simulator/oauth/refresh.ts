import type { SimulatorContext } from '../context.ts'
import { count, countersOf } from '../counters.ts'
import type { Reply } from '../http/reply.ts'
import type { RefreshToken } from '../record.ts'
import type { Refuse } from './form.ts'
import { isRevoked, issueTokens, revokeFamily } from './grant.ts'

/** Exchanges a refresh token for a new pair. A replaced token is counted as reuse and refused after its grace period. */
export function refresh(context: SimulatorContext, form: URLSearchParams, refused: Refuse): Reply {
  const presented = form.get('refresh_token')
  if (!presented) return refused('invalid_request', 'The request is missing refresh_token.')
  const invalid = () => refused('invalid_grant', 'Refresh token is invalid or expired.')

  const stored = context.recordStore.get('refresh', presented)
  if (!stored) return invalid()
  if (stored.spent) count(context, 'refreshReuse')
  if (stored.expiresAt <= context.now() || isRevoked(context, stored)) return invalid()
  if (stored.spent && !hasGrace(context, stored)) {
    if (context.settings().revokeFamilyOnReuse) {
      revokeFamily(context, stored)
      count(context, 'familiesRevoked')
    }
    return invalid()
  }

  count(context, 'refreshes')
  const rotates = stored.spent || isRotated(context)
  if (rotates && !stored.spent) {
    context.recordStore.put('refresh', stored.token, { ...stored, spent: true, spentAt: context.now() })
  }
  const { openId, scopes, grantId, expiresAt } = stored
  const pair = issueTokens(context, {
    openId,
    scopes,
    grantId,
    ...(!rotates && { keptRefreshToken: stored }),
    ...(!context.settings().refreshTtlRestarts && { refreshExpiresAt: expiresAt }),
  })
  return { status: 200, json: pair }
}

function hasGrace({ settings, now }: SimulatorContext, { spentAt }: RefreshToken): boolean {
  return spentAt !== undefined && now() < spentAt + settings().oldRefreshGraceSeconds * 1000
}

function isRotated(context: SimulatorContext): boolean {
  const { rotate } = context.settings()
  return rotate === 'always' || (rotate === 'sometimes' && countersOf(context).refreshes % 2 === 0)
}
