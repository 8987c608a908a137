import type { SimulatorContext } from '../context.ts'
import type { Authorization } from '../http/authorize-call.ts'
import { type Reply, refuse } from '../http/reply.ts'
import type { Publish } from '../record.ts'

type Authorized = Extract<Authorization, { readonly kind: 'authorized' }>

/** Finds the post of a call's `publish_id`, or the refusal. */
export function findNamedPublish(
  context: SimulatorContext,
  { account, body }: Authorized,
):
  | { readonly kind: 'found'; readonly publish: Publish }
  | { readonly kind: 'refused'; readonly reply: Reply } {
  const refused = (code: string, message: string) => ({
    kind: 'refused' as const,
    reply: refuse(400, code, message, context.now()),
  })
  const { publish_id: publishId } = body
  if (typeof publishId !== 'string') return refused('invalid_params', 'publish_id is invalid')
  const publish = context.recordStore.get('publish', publishId)
  if (!publish) return refused('invalid_publish_id', 'The publish_id does not exist.')
  if (publish.openId !== account.openId) {
    const code = 'token_not_authorized_for_specified_publish_id'
    return refused(code, 'The publish_id belongs to another user.')
  }
  return { kind: 'found', publish }
}
