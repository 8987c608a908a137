import type { OpenPost } from '../../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { accessToken, callTokenSeconds } from '../account/access-token.ts'
import { clientFor } from '../account/client-for.ts'
import { fail, failure } from '../failure.ts'
import type { StepDeps } from '../step-deps.ts'
import { notOk, rejection } from '../tiktok-failure.ts'
import { findPublicPost } from './find-public-post.ts'
import { readSlot } from './slot.ts'

/** Some accounts' posts never get an id in the status: after this many polls the list of posts is looked at as well. */
const pollsBeforeList = 12

/** Asks once what became of a post whose bytes are all there. */
export async function checkPost(
  deps: StepDeps,
  context: StepContext,
  input: {
    readonly slotId: string
    readonly accountId: string
    readonly attempts?: number
    readonly post: OpenPost
    readonly sentAt: number
    readonly polls: number
  },
): Promise<StepOutcome> {
  const { organizationId, signal } = context
  const account = { organizationId, accountId: input.accountId }
  const access = await accessToken(deps, account, callTokenSeconds)
  if (access.kind === 'none') return fail(access.error)
  const slot = await readSlot(deps.db, organizationId, input.slotId)
  const tiktok = clientFor(deps, context, input)
  const call = { ...account, version: access.version }
  const inList = () =>
    findPublicPost(
      { ...deps, tiktok },
      access.token,
      { ...account, caption: slot.caption, sentAt: input.sentAt },
      signal,
    )

  const answer = await tiktok.status(access.token, input.post.publishId, signal)
  if (answer.kind === 'refused' && answer.code === 'invalid_publish_id') {
    const found = await inList()
    if (found.kind === 'found') return done({ kind: 'public', postIds: [found.postId] })
    if (found.kind === 'unread') return await notOk(deps, call, found.answer)
    const message =
      'TikTok does not know the post any more, and it is not among the public posts of the creator.'
    return done({ kind: 'lost', failure: { ...failure('OUTCOME_UNKNOWN', 'POST_LOST', message) } })
  }
  if (answer.kind !== 'ok') return await notOk(deps, call, answer)

  switch (answer.status) {
    case 'FAILED': {
      const { failure: why, ...rejected } = await rejection(
        deps.db,
        organizationId,
        answer.failReason ?? 'unspecified',
      )
      return done({ kind: 'rejected', ...rejected, failure: { ...why } })
    }
    case 'SEND_TO_USER_INBOX':
      return done({ kind: 'delivered' })
    case 'PUBLISH_COMPLETE':
      break
    default:
      return done({ kind: 'processing' })
  }
  if (answer.publicPostIds.length > 0) return done({ kind: 'public', postIds: answer.publicPostIds })
  // A public post shows its id only after moderation; before that nobody can see it.
  if (slot.privacy !== 'PUBLIC_TO_EVERYONE') return done({ kind: 'private' })
  const found = input.polls >= pollsBeforeList ? await inList() : null
  return done(
    found?.kind === 'found' ? { kind: 'public', postIds: [found.postId] } : { kind: 'inModeration' },
  )
}
