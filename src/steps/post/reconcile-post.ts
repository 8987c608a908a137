import type { KeptMedia, OpenPost } from '../../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { nextChunk } from '../../providers/tiktok/post/chunk-plan.ts'
import { accessToken, callTokenSeconds } from '../account/access-token.ts'
import { clientFor } from '../account/client-for.ts'
import { fail, failure } from '../failure.ts'
import type { StepDeps } from '../step-deps.ts'
import { notOk } from '../tiktok-failure.ts'

/**
 * Looks up what TikTok has. A post whose last byte was not sent can never appear, so one without an id, or whose upload
 * has isUploadExpired unfinished, is proof enough to open another.
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
  const access = await accessToken(deps, account, callTokenSeconds)
  if (access.kind === 'none') return fail(access.error)
  const answer = await clientFor(deps, context, input).status(access.token, post.publishId, signal)
  if (answer.kind !== 'ok') return await notOk(deps, { ...account, version: access.version }, answer)
  // Its grant was taken back under way, and it ended with it; since then the account was connected again.
  if (answer.status === 'FAILED' && answer.failReason === 'auth_removed') return done({ kind: 'absent' })
  // Whatever is no longer waiting for bytes has them all; its end is for the watcher to read.
  if (answer.status !== 'PROCESSING_UPLOAD') return done({ kind: 'sent' })
  const where = nextChunk(
    { chunkSize: post.chunkSize, count: post.chunkCount },
    media.bytes,
    answer.uploadedBytes ?? 0,
  )
  // Asked before the lapse: an address also ends after all bytes have come, unheard, and then the post may appear.
  if (where.kind === 'complete') return done({ kind: 'sent' })
  if (input.isUploadExpired) return done({ kind: 'absent' })
  switch (where.kind) {
    case 'chunk':
      return done({ kind: 'partly', nextChunk: where.index })
    case 'betweenChunks': {
      const message = 'TikTok is still taking in a chunk.'
      return fail({ kind: 'retry', failure: failure('RETRY_AFTER', 'BETWEEN_CHUNKS', message) })
    }
  }
}
