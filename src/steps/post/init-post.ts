import type { Audience, KeptMedia } from '../../../machines/job/context.ts'
import { isLate } from '../../../machines/rules/lateness.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { planChunks } from '../../providers/tiktok/post/chunk-plan.ts'
import { claimPostOpening, type PostOpeningClaim } from '../../store/account/post-openings.ts'
import type { SlotContent } from '../../store/plan/slots.ts'
import { clientForJob, requireAccessToken, uploadTokenSeconds } from '../account/access-token.ts'
import { ownFailure } from '../failure.ts'
import { deferred, failed, needsPerson, outcomeUnknown } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { outcomeOfAnswer } from '../tiktok-outcome.ts'
import { checkClearance, type SlotInput } from './clearance.ts'
import { checkUnchanged } from './content.ts'
import { postInfoOf } from './slot.ts'

/**
 * Opens the post or the draft. TikTok has no idempotency key, so an init whose outcome is unknown is never repeated blindly.
 * Nothing can appear before the last byte is sent, so a lost answer costs only the init.
 */
export async function initPost(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput & {
    readonly accountId: string
    readonly attempts?: number
    readonly media: KeptMedia
  },
): Promise<StepOutcome> {
  const { accountId, media } = input
  const { organizationId, jobId, mayHaveBegun, signal, fence } = context
  if (mayHaveBegun) {
    const message = 'A worker was interrupted while it opened the post.'
    return outcomeUnknown(ownFailure('OUTCOME_UNKNOWN', 'INIT_INTERRUPTED', message))
  }
  const plan = planChunks(media.bytes)
  if (plan.kind === 'refused') {
    const message = `The video has ${media.bytes} bytes; TikTok accepts at most ${plan.limit}.`
    return needsPerson(ownFailure('FIX_MEDIA', 'VIDEO_TOO_LARGE', message))
  }
  const account = { organizationId, accountId }
  const access = await requireAccessToken(deps, account, uploadTokenSeconds)
  if (access.kind === 'unavailable') return failed(access.error)

  const tiktok = clientForJob(deps, context, input)
  await fence()
  const clearance = await checkClearance(deps, context, input, 'posting')
  if (clearance.kind === 'stopped') return clearance.outcome
  const { slot } = clearance
  const stopped = checkUnchanged(slot, media)
  if (stopped) return stopped
  const claim = await claimOpening(deps, context, input)
  if (claim.kind === 'deferred')
    return deferred({ reason: 'ACCOUNT_GAP', afterSeconds: claim.afterMs / 1_000 })
  const upload = { videoSize: media.bytes, plan }
  const answer =
    slot.mode === 'draft'
      ? await tiktok.initInboxVideo(access.token, upload, signal)
      : await tiktok.initDirectPost(access.token, { post: postInfoOf(slot), ...upload }, signal)
  if (answer.kind !== 'ok')
    return await outcomeOfAnswer(deps, { ...account, version: access.version, creates: true }, answer)
  const associatedData = { organizationId, row: jobId, column: 'upload_url' }
  return done({
    post: {
      publishId: answer.publishId,
      uploadUrlSealed: deps.encryptor.seal(answer.uploadUrl, associatedData),
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

/** Keeps late posts apart: one is opened only after a gap to the account's last post. A post on time never waits. */
function claimOpening(
  { db, latePostGapMs }: StepDeps,
  { organizationId, jobId, now }: StepContext,
  { accountId, publishAt }: SlotInput & { readonly accountId: string },
): Promise<PostOpeningClaim> {
  const gapMs = isLate(publishAt, now()) ? latePostGapMs : 0
  return claimPostOpening(db, { organizationId, accountId, jobId, gapMs })
}
