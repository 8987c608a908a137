import type { Audience, KeptMedia } from '../../../machines/job/context.ts'
import { isLate } from '../../../machines/rules/lateness.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { planChunks } from '../../providers/tiktok/post/chunk-plan.ts'
import { type PostTurnTaken, takePostTurn } from '../../store/account/post-turns.ts'
import type { SlotContent } from '../../store/plan/slots.ts'
import { accessToken, uploadTokenSeconds } from '../account/access-token.ts'
import { clientFor } from '../account/client-for.ts'
import { fail, failure } from '../failure.ts'
import { parked } from '../parked.ts'
import type { StepDeps } from '../step-deps.ts'
import { notOk } from '../tiktok-failure.ts'
import { clearanceFor, type OfSlot } from './clearance.ts'
import { postInfoOf } from './post-info.ts'

/**
 * Opens the post, or the draft. TikTok has no idempotency key, so this is never repeated by itself; but nothing can appear
 * before the last byte is sent, so a lost answer costs nothing but the attempt.
 */
export async function initPost(
  deps: StepDeps,
  context: StepContext,
  input: OfSlot & {
    readonly accountId: string
    readonly attempts?: number
    readonly media: KeptMedia
  },
): Promise<StepOutcome> {
  const { accountId, media } = input
  const { organizationId, jobId, mayHaveBegun, signal, fence } = context
  if (mayHaveBegun) {
    const message = 'A worker was interrupted while it opened the post.'
    return fail({ kind: 'unknown', failure: failure('OUTCOME_UNKNOWN', 'INIT_INTERRUPTED', message) })
  }
  const plan = planChunks(media.bytes)
  if (plan.kind === 'refused') {
    const message = `The video has ${media.bytes} bytes; TikTok takes at most ${plan.limit}.`
    return fail({ kind: 'needsPerson', failure: failure('FIX_MEDIA', 'VIDEO_TOO_LARGE', message) })
  }
  const account = { organizationId, accountId }
  const access = await accessToken(deps, account, uploadTokenSeconds)
  if (access.kind === 'none') return fail(access.error)

  const tiktok = clientFor(deps, context, input)
  await fence()
  const clearance = await clearanceFor(deps, context, input, 'posting')
  if (clearance.kind === 'stop') return clearance.outcome
  const { slot } = clearance
  const turn = await takeTurn(deps, context, input)
  if (turn.kind === 'later') return parked({ reason: 'ACCOUNT_GAP', afterSeconds: turn.afterMs / 1_000 })
  const upload = { videoSize: media.bytes, plan }
  const answer =
    slot.mode === 'draft'
      ? await tiktok.initInboxVideo(access.token, upload, signal)
      : await tiktok.initDirectPost(access.token, { post: postInfoOf(slot), ...upload }, signal)
  if (answer.kind !== 'ok')
    return await notOk(deps, { ...account, version: access.version, creates: true }, answer)
  const place = { organizationId, row: jobId, column: 'upload_url' }
  return done({
    post: {
      publishId: answer.publishId,
      uploadUrlSealed: deps.encryptor.seal(answer.uploadUrl, place),
      chunkSize: plan.chunkSize,
      chunkCount: plan.count,
      approvedHash: slot.approvedHash,
    },
    audience: audienceOf(slot),
  })
}

function audienceOf({ mode, privacy }: SlotContent): Audience {
  if (mode === 'draft') return 'inbox'
  return privacy === 'PUBLIC_TO_EVERYONE' ? 'everyone' : 'some'
}

/** What was held up goes out one by one: a post that is late keeps a gap to the account's last one. One on time never waits. */
function takeTurn(
  { db, latePostGapMs }: StepDeps,
  { organizationId, jobId, now }: StepContext,
  { accountId, publishAt }: OfSlot & { readonly accountId: string },
): Promise<PostTurnTaken> {
  const gapMs = isLate(publishAt, now()) ? latePostGapMs : 0
  return takePostTurn(db, { organizationId, accountId, jobId, gapMs })
}
