import { count } from '../counters.ts'
import { disconnect } from '../disconnect.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import type { World } from '../world.ts'
import { clientForm } from './form.ts'
import { isRevoked } from './grant.ts'

/** `POST /v2/oauth/revoke/`: takes an access token, and with it the app out of the person's connected ones. */
export async function revoke(world: World, call: Call): Promise<Reply> {
  const asked = await clientForm(world, call)
  if (asked.kind === 'refused') return asked.reply

  const { form, refused } = asked
  const token = form.get('token')
  if (!token) return refused('invalid_request', 'The request is missing token.')
  const access = world.book.get('access', token)
  if (!access || access.expiresAt <= world.now() || isRevoked(world, access)) {
    return refused('invalid_grant', 'Access token is invalid or expired.')
  }
  count(world, 'revokes')
  disconnect(world, access.openId, 'developerRevoked')
  return { status: 200, json: {} }
}
