import type { KeptMedia, OpenPost } from '../../../machines/job/context.ts'
import type { Failure } from '../../../machines/rules/failure.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { chunkRange } from '../../providers/tiktok/post/chunk-plan.ts'
import { failureOfCode } from '../../verdict/coded-failure.ts'
import { clientForJob } from '../account/access-token.ts'
import { ownFailure } from '../failure.ts'
import { deferred, failed, needsPerson, outcomeUnknown, retry } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { checkClearance, type SlotInput } from './clearance.ts'

/**
 * Sends one chunk. The last chunk is sent only if the job may still go on, because it completes the post. After an answer
 * that is not clear, the machine looks the upload up before it sends anything again.
 */
export async function uploadChunk(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput & {
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
    return outcomeUnknown(ownFailure('OUTCOME_UNKNOWN', 'CHUNK_INTERRUPTED', message))
  }
  const range = chunkRange({ chunkSize: post.chunkSize, count: post.chunkCount }, media.bytes, chunk)
  const stopped = chunk + 1 < post.chunkCount ? null : await checkLastChunk(deps, context, input)
  if (stopped) return stopped
  const associatedData = { organizationId, row: jobId, column: 'upload_url' }
  const url = deps.encryptor.open(post.uploadUrlSealed, associatedData)
  const body = await deps.storage.open(organizationId, media.sha256, { start: range.first, end: range.last })
  // Faults of this machine, such as a missing file, have occurred by now, while certainly nothing had been sent.
  await fence().catch((error) => {
    body.destroy()
    throw error
  })
  const answer = await clientForJob(deps, context, input)
    .putChunk(url, { ...range, total: media.bytes, contentType: media.contentType, body }, signal)
    // A deferred call has not read the body, whose file would stay open.
    .finally(() => body.destroy())
  switch (answer.kind) {
    case 'stored':
    case 'complete':
      return done()
    case 'deferred':
      return deferred(answer)
    case 'notSent':
      return retry(uploadFailure(answer.code))
    case 'refused':
      return needsPerson(uploadFailure(`http_${answer.httpStatus}`))
    case 'retry':
      return chunkUnknown(`http_${answer.httpStatus}`, answer.retryAfterSeconds)
    case 'rangeMismatch':
      return chunkUnknown('range_mismatch')
    case 'expired':
    case 'gone':
      return chunkUnknown(`upload_${answer.kind}`)
    case 'unknown':
      return chunkUnknown(answer.cause, answer.retryAfterSeconds)
  }
}

const outdated = ownFailure(
  'NEEDS_USER',
  'POST_OUTDATED',
  'The slot was changed and approved again after its post was opened.',
)

/** The outcome if the last chunk must not be sent; null if it may be sent. */
async function checkLastChunk(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput & { readonly post: OpenPost },
): Promise<StepOutcome | null> {
  const clearance = await checkClearance(deps, context, input, 'posting')
  if (clearance.kind === 'stopped') return clearance.outcome
  // The post was opened with the content that this hash approved.
  const { approvedHash } = input.post
  return approvedHash === null || approvedHash === clearance.slot.approvedHash
    ? null
    : failed({ kind: 'outdated', failure: outdated })
}

function chunkUnknown(code: string, afterSeconds?: number): StepOutcome {
  return outcomeUnknown({ ...uploadFailure(code), verdict: 'OUTCOME_UNKNOWN' }, afterSeconds)
}

function uploadFailure(code: string): Failure {
  return failureOfCode('upload', code)
}
