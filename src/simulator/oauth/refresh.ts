import type { SimulatorContext } from '../context.ts'
import { count, countersOf } from '../counters.ts'
import type { Reply } from '../http/reply.ts'
import type { RefreshToken } from '../record.ts'
import type { Refuse } from './form.ts'
import { isRevoked, issueGrant, revokeFamily } from './grant.ts'

/** A refresh token for a new pair. One that was replaced is counted when it comes again, and refused after its grace. */
export function refresh(context: SimulatorContext, form: URLSearchParams, refused: Refuse): Reply {
  const presented = form.get('refresh_token')
  if (!presented) return refused('invalid_request', 'The request is missing refresh_token.')
  const invalid = () => refused('invalid_grant', 'Refresh token is invalid or expired.')

  const held = context.recordStore.get('refresh', presented)
  if (!held) return invalid()
  if (held.spent) count(context, 'refreshReuse')
  if (held.expiresAt <= context.now() || isRevoked(context, held)) return invalid()
  if (held.spent && !hasGrace(context, held)) {
    if (context.settings().revokeFamilyOnReuse) {
      revokeFamily(context, held)
      count(context, 'familiesRevoked')
    }
    return invalid()
  }

  count(context, 'refreshes')
  const rotates = held.spent || isRotated(context)
  if (rotates && !held.spent) {
    context.recordStore.put('refresh', held.token, { ...held, spent: true, spentAt: context.now() })
  }
  const { openId, scopes, grantId, expiresAt } = held
  const pair = issueGrant(context, {
    openId,
    scopes,
    ...(grantId !== undefined && { grantId }),
    ...(!rotates && { keep: held }),
    ...(!context.settings().refreshTtlRestarts && { refreshEnds: expiresAt }),
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
