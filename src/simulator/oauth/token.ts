import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import type { World } from '../world.ts'
import { exchange } from './exchange.ts'
import { clientForm } from './form.ts'
import { refresh } from './refresh.ts'

/** `POST /v2/oauth/token/`: trades a code, or a refresh token, for a pair of tokens. */
export async function token(world: World, call: Call): Promise<Reply> {
  const asked = await clientForm(world, call)
  if (asked.kind === 'refused') return asked.reply

  const { form, refused } = asked
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return exchange(world, form, refused)
    case 'refresh_token':
      return refresh(world, form, refused)
    default:
      return refused('unsupported_grant_type', 'The grant type is not supported.')
  }
}
