import type { KeptMedia, OpenPost } from '../../../machines/job/context.ts'
import type { StepError } from '../../../machines/rules/failure.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { chunkRange } from '../../providers/tiktok/post/chunk-plan.ts'
import { verdictFor } from '../../verdict/failure-verdict.ts'
import { clientFor } from '../account/client-for.ts'
import { fail, failure } from '../failure.ts'
import { parked } from '../parked.ts'
import type { StepDeps } from '../step-deps.ts'
import { clearanceFor, type OfSlot } from './clearance.ts'

/**
 * Sends one chunk; the last one only if the job may still go on, for with it the post exists. Whatever is not a clear answer is looked up
 * before anything is sent again.
 */
export async function uploadChunk(
  deps: StepDeps,
  context: StepContext,
  input: OfSlot & {
    readonly accountId: string
    readonly attempts?: number
    readonly post: OpenPost
    readonly media: KeptMedia
    readonly chunk: number
  },
): Promise<StepOutcome> {
  const { post, media, chunk } = input
  const { organizationId, jobId, mayHaveBegun, signal, fence } = context
  if (mayHaveBegun) {
    const message = 'A worker was interrupted while it sent a chunk.'
    return fail({ kind: 'unknown', failure: failure('OUTCOME_UNKNOWN', 'CHUNK_INTERRUPTED', message) })
  }
  const range = chunkRange({ chunkSize: post.chunkSize, count: post.chunkCount }, media.bytes, chunk)
  const stopped = chunk + 1 < post.chunkCount ? null : await beforeTheLast(deps, context, input)
  if (stopped) return stopped
  const place = { organizationId, row: jobId, column: 'upload_url' }
  const url = deps.encryptor.open(post.uploadUrlSealed, place)
  const body = await deps.storage.open(organizationId, media.sha256, { start: range.first, end: range.last })
  // What this machine lacks has shown itself by now, while it was certain that nothing had been sent.
  await fence().catch((error) => {
    body.destroy()
    throw error
  })
  const answer = await clientFor(deps, context, input)
    .putChunk(url, { ...range, total: media.bytes, contentType: 'video/mp4', body }, signal)
    // Nobody has read it if the call was held: its file is let go all the same.
    .finally(() => body.destroy())
  switch (answer.kind) {
    case 'stored':
    case 'complete':
      return done()
    case 'deferred':
      return parked(answer)
    case 'notSent':
      return fail({ kind: 'retry', failure: ofUpload(answer.code) })
    case 'refused':
      return fail({ kind: 'needsPerson', failure: ofUpload(`http_${answer.httpStatus}`) })
    case 'retry':
      return unknown(ofUpload(`http_${answer.httpStatus}`), answer.retryAfterSeconds)
    case 'rangeMismatch':
      return unknown(ofUpload('range_mismatch'))
    case 'expired':
    case 'gone':
      return unknown(ofUpload(`upload_${answer.kind}`))
    case 'unknown':
      return unknown(ofUpload(answer.cause), answer.retryAfterSeconds)
  }
}

const outdated = failure(
  'NEEDS_USER',
  'POST_OUTDATED',
  'The slot was changed and approved again after its post was opened.',
)

/** Why the last chunk must not be sent; null if it may. */
async function beforeTheLast(
  deps: StepDeps,
  context: StepContext,
  input: OfSlot & { readonly post: OpenPost },
): Promise<StepOutcome | null> {
  const clearance = await clearanceFor(deps, context, input, 'posting')
  if (clearance.kind === 'stop') return clearance.outcome
  const { approvedHash } = input.post
  // The post was opened with what was approved then.
  return approvedHash === null || approvedHash === clearance.slot.approvedHash
    ? null
    : fail({ kind: 'outdated', failure: outdated })
}

function unknown(failed: ReturnType<typeof ofUpload>, afterSeconds?: number): StepOutcome {
  const error: StepError = {
    kind: 'unknown',
    ...(afterSeconds !== undefined && { afterSeconds }),
    failure: { ...failed, verdict: 'OUTCOME_UNKNOWN' },
  }
  return fail(error)
}

function ofUpload(code: string) {
  const { verdict } = verdictFor('upload', code)
  return { ...failure(verdict.verdict, code, verdict.meaning), source: 'upload' }
}
