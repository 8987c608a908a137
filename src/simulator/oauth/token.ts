import type { SimulatorContext } from '../context.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import { exchange } from './exchange.ts'
import { readClientForm } from './form.ts'
import { refresh } from './refresh.ts'

/** `POST /v2/oauth/token/`: exchanges an authorization code or a refresh token for a pair of tokens. */
export async function token(context: SimulatorContext, call: Call): Promise<Reply> {
  const read = await readClientForm(context, call)
  if (read.kind === 'refused') return read.reply

  const { form, refused } = read
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return exchange(context, form, refused)
    case 'refresh_token':
      return refresh(context, form, refused)
    default:
      return refused('unsupported_grant_type', 'The grant type is not supported.')
  }
}
