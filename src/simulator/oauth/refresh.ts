import { count, countersOf } from '../counters.ts'
import type { Reply } from '../http/reply.ts'
import type { RefreshToken } from '../record.ts'
import type { World } from '../world.ts'
import type { Refuse } from './form.ts'
import { isRevoked, issueGrant, revokeFamily } from './grant.ts'

/** A refresh token for a new pair. One that was replaced is counted when it comes again, and refused after its grace. */
export function refresh(world: World, form: URLSearchParams, refused: Refuse): Reply {
  const presented = form.get('refresh_token')
  if (!presented) return refused('invalid_request', 'The request is missing refresh_token.')
  const invalid = () => refused('invalid_grant', 'Refresh token is invalid or expired.')

  const held = world.book.get('refresh', presented)
  if (!held) return invalid()
  if (held.spent) count(world, 'refreshReuse')
  if (held.expiresAt <= world.now() || isRevoked(world, held)) return invalid()
  if (held.spent && !hasGrace(world, held)) {
    if (world.knobs().revokeFamilyOnReuse) {
      revokeFamily(world, held)
      count(world, 'familiesRevoked')
    }
    return invalid()
  }

  count(world, 'refreshes')
  const rotates = held.spent || isRotated(world)
  if (rotates && !held.spent) {
    world.book.put('refresh', held.token, { ...held, spent: true, spentAt: world.now() })
  }
  const { openId, scopes, grantId, expiresAt } = held
  const pair = issueGrant(world, {
    openId,
    scopes,
    ...(grantId !== undefined && { grantId }),
    ...(!rotates && { keep: held }),
    ...(!world.knobs().refreshTtlRestarts && { refreshEnds: expiresAt }),
  })
  return { status: 200, json: pair }
}

function hasGrace({ knobs, now }: World, { spentAt }: RefreshToken): boolean {
  return spentAt !== undefined && now() < spentAt + knobs().oldRefreshGraceSeconds * 1000
}

function isRotated(world: World): boolean {
  const { rotate } = world.knobs()
  return rotate === 'always' || (rotate === 'sometimes' && countersOf(world).refreshes % 2 === 0)
}
