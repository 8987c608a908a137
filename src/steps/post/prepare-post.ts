import type { KeptMedia } from '../../../machines/job/context.ts'
import { postViolations } from '../../../machines/rules/post-violation.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { writeCreatorSettings } from '../../store/account/accounts.ts'
import { violationFailure } from '../../verdict/violation-failure.ts'
import { clientForJob, requireAccessToken, uploadTokenSeconds } from '../account/access-token.ts'
import { failed, needsPerson } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { outcomeOfAnswer } from '../tiktok-outcome.ts'
import { requireStored } from '../video/stored-file.ts'
import { checkUnchanged } from './content.ts'
import { postInfoOf, readSlot } from './slot.ts'

/**
 * Reads the creator's current settings and checks the post against them; counts as no post. A draft only needs a token,
 * because its creator decides the rest in the app.
 */
export async function preparePost(
  deps: StepDeps,
  context: StepContext,
  input: {
    readonly slotId: string
    readonly accountId: string
    readonly attempts?: number
    readonly media: KeptMedia
  },
): Promise<StepOutcome> {
  const { accountId, media } = input
  const { organizationId, signal } = context
  const slot = await readSlot(deps.db, organizationId, input.slotId)
  const stopped = checkUnchanged(slot, media)
  if (stopped) return stopped
  // Checked first: a post must not be opened on a machine that does not have its bytes.
  await requireStored(deps, organizationId, media.sha256)
  const account = { organizationId, accountId }
  const access = await requireAccessToken(deps, account, uploadTokenSeconds)
  if (access.kind === 'unavailable') return failed(access.error)
  if (slot.mode === 'draft') return done()

  const answer = await clientForJob(deps, context, input).creatorInfo(access.token, signal)
  if (answer.kind !== 'ok')
    return await outcomeOfAnswer(deps, { ...account, version: access.version }, answer)
  const { username: _, nickname: __, avatarUrl: ___, ...settings } = answer.creator
  await writeCreatorSettings(deps.db, accountId, settings)
  const failure = violationFailure(
    postViolations(answer.creator, { post: postInfoOf(slot), durationSeconds: media.seconds }),
  )
  return failure ? needsPerson(failure) : done()
}
