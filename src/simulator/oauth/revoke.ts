import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { disconnect } from '../disconnect.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import { readClientForm } from './form.ts'
import { isRevoked } from './grant.ts'

/** `POST /v2/oauth/revoke/`: revokes an access token and disconnects the app from its account. */
export async function revoke(context: SimulatorContext, call: Call): Promise<Reply> {
  const read = await readClientForm(context, call)
  if (read.kind === 'refused') return read.reply

  const { form, refused } = read
  const token = form.get('token')
  if (!token) return refused('invalid_request', 'The request is missing token.')
  const access = context.recordStore.get('access', token)
  if (!access || access.expiresAt <= context.now() || isRevoked(context, access)) {
    return refused('invalid_grant', 'Access token is invalid or expired.')
  }
  count(context, 'revokes')
  disconnect(context, access.openId, 'developerRevoked')
  return { status: 200, json: {} }
}
