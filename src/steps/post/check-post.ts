import type { OpenPost } from '../../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { postRejection } from '../../verdict/tiktok-answer.ts'
import { callTokenSeconds, clientForJob, requireAccessToken } from '../account/access-token.ts'
import { ownFailure } from '../failure.ts'
import { failed } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { countIfUnrecognised, outcomeOfAnswer } from '../tiktok-outcome.ts'
import { findPublicPost } from './find-public-post.ts'
import { readSlot } from './slot.ts'

/** The status of some accounts' posts never shows an id: after this many polls the list of posts is searched as well. */
const pollsBeforeListSearch = 12

/** Polls once the status of a post whose bytes were all sent. */
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
  const access = await requireAccessToken(deps, account, callTokenSeconds)
  if (access.kind === 'unavailable') return failed(access.error)
  const slot = await readSlot(deps.db, organizationId, input.slotId)
  const tiktok = clientForJob(deps, context, input)
  const call = { ...account, version: access.version }
  const searchList = () =>
    findPublicPost(
      { ...deps, tiktok },
      access.token,
      { ...account, caption: slot.caption, sentAt: input.sentAt },
      signal,
    )

  const answer = await tiktok.status(access.token, input.post.publishId, signal)
  if (answer.kind === 'refused' && answer.code === 'invalid_publish_id') {
    const search = await searchList()
    if (search.kind === 'found') return done({ kind: 'public', postIds: [search.postId] })
    if (search.kind === 'failed') return await outcomeOfAnswer(deps, call, search.answer)
    const message = 'TikTok no longer knows the post, and it is not among the public posts of the creator.'
    return done({ kind: 'lost', failure: { ...ownFailure('OUTCOME_UNKNOWN', 'POST_LOST', message) } })
  }
  if (answer.kind !== 'ok') return await outcomeOfAnswer(deps, call, answer)

  switch (answer.status) {
    case 'FAILED': {
      const { failure, isRecognised: _, ...rejection } = postRejection(answer.failReason)
      await countIfUnrecognised(deps, organizationId, 'post', failure)
      return done({ kind: 'rejected', ...rejection, failure: { ...failure } })
    }
    case 'SEND_TO_USER_INBOX':
      return done({ kind: 'delivered' })
    case 'PUBLISH_COMPLETE':
      break
    default:
      return done({ kind: 'processing' })
  }
  if (answer.publicPostIds.length > 0) return done({ kind: 'public', postIds: answer.publicPostIds })
  // A public post shows its id only after moderation; before that only its creator can see it.
  if (slot.privacy !== 'PUBLIC_TO_EVERYONE') return done({ kind: 'private' })
  const search = input.polls >= pollsBeforeListSearch ? await searchList() : null
  return done(
    search?.kind === 'found' ? { kind: 'public', postIds: [search.postId] } : { kind: 'inModeration' },
  )
}
