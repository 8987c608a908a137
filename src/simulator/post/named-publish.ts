import type { SimulatorContext } from '../context.ts'
import type { Entry } from '../http/authorize-call.ts'
import { type Reply, refuse } from '../http/reply.ts'
import type { Publish } from '../record.ts'

type Entered = Extract<Entry, { readonly kind: 'entered' }>

/** The post that a call names by its `publish_id`, or why it may not have it. */
export function namedPublish(
  context: SimulatorContext,
  { account, body }: Entered,
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
