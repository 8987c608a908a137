import type { KeptMedia, OpenPost } from '../../machines/job-context.ts'
import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import { chunkRange, nextChunk, planChunks } from '../providers/tiktok/chunk-plan.ts'
import type { PostInfo } from '../providers/tiktok/init-direct-post.ts'
import { postViolations } from '../providers/tiktok/post-violation.ts'
import type { SlotContent } from '../store/slot-store.ts'
import { accessToken } from './access-token.ts'
import type { StepDeps } from './deps.ts'
import { fail, failure } from './failure.ts'
import { readSlot } from './slot.ts'
import { postFailure, tiktokCreationError, tiktokError } from './tiktok-failure.ts'

interface OfPost {
  readonly slotId: string
  readonly accountId: string
  readonly media: KeptMedia
}

/** The upload must end within its hour, and the token must outlast it with some room. */
const uploadSeconds = 70 * 60
const callSeconds = 60

function postInfoOf(slot: SlotContent): PostInfo {
  return {
    title: slot.caption,
    privacyLevel: slot.privacy,
    disableComment: !slot.allowComment,
    disableDuet: !slot.allowDuet,
    disableStitch: !slot.allowStitch,
    brandContent: slot.brandContent,
    brandOrganic: slot.brandOrganic,
    // What we publish is made by a machine, and says so.
    isAigc: true,
  }
}

/** Asks what the creator allows at this moment, and holds the post against it; costs no post. */
export async function preparePost(
  deps: StepDeps,
  { organizationId, signal }: StepContext,
  { slotId, accountId, media }: OfPost,
): Promise<StepOutcome> {
  const access = await accessToken(deps, accountId, uploadSeconds)
  if (access.kind === 'none') return fail(access.error)
  const answer = await deps.tiktok.creatorInfo(access.token, signal)
  if (answer.kind !== 'ok') return fail(tiktokError(answer))
  const slot = await readSlot(deps.db, organizationId, slotId)
  const [violation] = postViolations(answer.creator, {
    post: postInfoOf(slot),
    durationSeconds: media.seconds,
  })
  if (!violation) return done()
  const message = `The creator's settings do not allow ${violation.rule} ${violation.value}: ${String(violation.limit)}.`
  const verdict = violation.rule === 'duration' ? 'FIX_MEDIA' : 'NEEDS_USER'
  return fail({
    kind: 'needsPerson',
    failure: failure(verdict, `POST_${violation.rule.toUpperCase()}`, message),
  })
}

/** Opens the post. Nothing can appear of it before its last byte is sent. */
export async function initPost(
  deps: StepDeps,
  { organizationId, jobId, mayHaveBegun, signal }: StepContext,
  { slotId, accountId, media }: OfPost,
): Promise<StepOutcome> {
  if (mayHaveBegun) {
    const message = 'A worker was interrupted while it opened the post.'
    return fail({ kind: 'unknown', failure: failure('OUTCOME_UNKNOWN', 'INIT_INTERRUPTED', message) })
  }
  const plan = planChunks(media.bytes)
  if (plan.kind === 'refused') {
    const message = `The video has ${media.bytes} bytes; TikTok takes at most ${plan.limit}.`
    return fail({ kind: 'failed', failure: failure('FIX_MEDIA', 'VIDEO_TOO_LARGE', message) })
  }
  const access = await accessToken(deps, accountId, uploadSeconds)
  if (access.kind === 'none') return fail(access.error)
  const slot = await readSlot(deps.db, organizationId, slotId)
  const answer = await deps.tiktok.initDirectPost(
    access.token,
    { post: postInfoOf(slot), videoSize: media.bytes, plan },
    signal,
  )
  if (answer.kind !== 'ok') return fail(tiktokCreationError(answer))
  return done({
    post: {
      publishId: answer.publishId,
      uploadUrlSealed: deps.sealer.seal(answer.uploadUrl, `upload_url/${jobId}`),
      chunkSize: plan.chunkSize,
      chunkCount: plan.count,
    },
  })
}

/** Sends one chunk. Whatever is not a clear answer is looked up before anything is sent again. */
export async function uploadChunk(
  deps: StepDeps,
  { organizationId, jobId, mayHaveBegun, signal }: StepContext,
  { post, media, chunk }: { readonly post: OpenPost; readonly media: KeptMedia; readonly chunk: number },
): Promise<StepOutcome> {
  const unknown = (code: string, message: string) =>
    fail({ kind: 'unknown', failure: failure('OUTCOME_UNKNOWN', code, message) })
  if (mayHaveBegun) return unknown('CHUNK_INTERRUPTED', 'A worker was interrupted while it sent a chunk.')

  const range = chunkRange({ chunkSize: post.chunkSize, count: post.chunkCount }, media.bytes, chunk)
  const body = await deps.storage.open(organizationId, media.sha256, { start: range.first, end: range.last })
  const answer = await deps.tiktok.putChunk(
    deps.sealer.open(post.uploadUrlSealed, `upload_url/${jobId}`),
    { ...range, total: media.bytes, contentType: 'video/mp4', body },
    signal,
  )
  switch (answer.kind) {
    case 'stored':
    case 'complete':
      return done()
    case 'retry':
      return unknown(`http_${answer.httpStatus}`, 'The upload host failed on a chunk.')
    case 'notSent':
      return fail({
        kind: 'retry',
        failure: failure('RETRY_AFTER', answer.code, 'The upload host is out of reach.'),
      })
    case 'rangeMismatch':
      return unknown('range_mismatch', 'TikTok stands elsewhere in the upload.')
    case 'expired':
    case 'gone':
      return unknown(`upload_${answer.kind}`, 'The upload address is not valid any more.')
    case 'refused':
      return fail({
        kind: 'needsPerson',
        failure: failure(
          'NEEDS_OPERATOR',
          `http_${answer.httpStatus}`,
          'The upload host refused a chunk as malformed.',
        ),
      })
    case 'unknown':
      return unknown(answer.cause, 'The answer to a chunk was lost.')
  }
}

/**
 * Looks up what TikTok has. A post whose last byte was not sent can never appear, so one without an id, or whose upload
 * has lapsed unfinished, is proof enough to open another.
 */
export async function reconcilePost(
  deps: StepDeps,
  { signal }: StepContext,
  input: OfPost & { readonly post: OpenPost | null; readonly nextChunk: number; readonly lapsed: boolean },
): Promise<StepOutcome> {
  const { post, media } = input
  if (!post) return done({ kind: 'absent' })
  const access = await accessToken(deps, input.accountId, callSeconds)
  if (access.kind === 'none') return fail(access.error)
  const answer = await deps.tiktok.status(access.token, post.publishId, signal)
  if (answer.kind !== 'ok') return fail(tiktokError(answer))
  // Whatever is no longer waiting for bytes has them all; its end is for the watcher to read.
  if (answer.status !== 'PROCESSING_UPLOAD') return done({ kind: 'sent' })
  if (input.lapsed) return done({ kind: 'absent' })
  const where = nextChunk(
    { chunkSize: post.chunkSize, count: post.chunkCount },
    media.bytes,
    answer.uploadedBytes ?? 0,
  )
  switch (where.kind) {
    case 'complete':
      return done({ kind: 'sent' })
    case 'chunk':
      return done({ kind: 'partly', nextChunk: where.index })
    case 'betweenChunks':
      return fail({
        kind: 'retry',
        failure: failure('RETRY_AFTER', 'between_chunks', 'TikTok is still taking in a chunk.'),
      })
  }
}

/** Asks once what became of a post whose bytes are all there. */
export async function checkPost(
  deps: StepDeps,
  { organizationId, signal }: StepContext,
  {
    slotId,
    accountId,
    post,
  }: { readonly slotId: string; readonly accountId: string; readonly post: OpenPost },
): Promise<StepOutcome> {
  const access = await accessToken(deps, accountId, callSeconds)
  if (access.kind === 'none') return fail(access.error)
  const answer = await deps.tiktok.status(access.token, post.publishId, signal)
  if (answer.kind !== 'ok') return fail(tiktokError(answer))
  if (answer.status === 'FAILED') {
    const { again, failure: why } = postFailure(answer.failReason ?? 'unspecified')
    return done({ kind: 'rejected', again, failure: { ...why } })
  }
  if (answer.status !== 'PUBLISH_COMPLETE') return done({ kind: 'processing' })
  const slot = await readSlot(deps.db, organizationId, slotId)
  // A public post shows its id only after moderation; before that nobody can see it.
  if (slot.privacy === 'PUBLIC_TO_EVERYONE' && answer.publicPostIds.length === 0)
    return done({ kind: 'inModeration' })
  return done({ kind: 'published', publicPostIds: answer.publicPostIds })
}
