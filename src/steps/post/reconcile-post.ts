import type { KeptMedia, OpenPost } from '../../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { nextChunk } from '../../providers/tiktok/post/chunk-plan.ts'
import { callTokenSeconds, clientForJob, requireAccessToken } from '../account/access-token.ts'
import { ownFailure } from '../failure.ts'
import { failed, retry } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { outcomeOfAnswer } from '../tiktok-outcome.ts'

/**
 * Looks up how much of an upload TikTok has. A post whose last byte was not sent can never appear, so it is safe to open
 * another one when the first has no id, or when its upload expired unfinished.
 */
export async function reconcilePost(
  deps: StepDeps,
  context: StepContext,
  input: {
    readonly accountId: string
    readonly attempts?: number
    readonly post: OpenPost | null
    readonly media: KeptMedia
    readonly isUploadExpired: boolean
  },
): Promise<StepOutcome> {
  const { accountId, post, media } = input
  const { organizationId, signal } = context
  if (!post) return done({ kind: 'absent' })
  const account = { organizationId, accountId }
  const access = await requireAccessToken(deps, account, callTokenSeconds)
  if (access.kind === 'unavailable') return failed(access.error)
  const answer = await clientForJob(deps, context, input).status(access.token, post.publishId, signal)
  if (answer.kind !== 'ok')
    return await outcomeOfAnswer(deps, { ...account, version: access.version }, answer)
  // The authorization was removed during the upload, which ended the post; the account was connected again since.
  if (answer.status === 'FAILED' && answer.failReason === 'auth_removed') return done({ kind: 'absent' })
  // A post that waits for no more bytes has them all; the step that watches it reads its end.
  if (answer.status !== 'PROCESSING_UPLOAD') return done({ kind: 'sent' })
  const next = nextChunk(
    { chunkSize: post.chunkSize, count: post.chunkCount },
    media.bytes,
    answer.uploadedBytes ?? 0,
  )
  // Before the check for expiry: an upload URL also expires when all bytes have arrived, and then the post may appear.
  if (next.kind === 'complete') return done({ kind: 'sent' })
  if (input.isUploadExpired) return done({ kind: 'absent' })
  switch (next.kind) {
    case 'chunk':
      return done({ kind: 'partly', nextChunk: next.index })
    case 'betweenChunks': {
      const message = 'TikTok is still processing a chunk.'
      return retry(ownFailure('RETRY_AFTER', 'BETWEEN_CHUNKS', message))
    }
  }
}
