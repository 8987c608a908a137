import type { KeptMedia } from '../../../machines/job/context.ts'
import { postViolations } from '../../../machines/rules/post-violation.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { writeCreatorSettings } from '../../store/account/accounts.ts'
import { violationFailure } from '../../verdict/violation-failure.ts'
import { accessToken, uploadTokenSeconds } from '../account/access-token.ts'
import { clientFor } from '../account/client-for.ts'
import { fail } from '../failure.ts'
import type { StepDeps } from '../step-deps.ts'
import { notOk } from '../tiktok-failure.ts'
import { requireStored } from '../video/stored-file.ts'
import { postInfoOf } from './post-info.ts'
import { readSlot } from './slot.ts'

/**
 * Asks what the creator allows at this moment, and holds the post against it; costs no post. A draft only needs the token:
 * its creator decides the rest in the app.
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
  // Before a post is opened that this machine has no bytes for.
  await requireStored(deps, organizationId, media.sha256)
  const account = { organizationId, accountId }
  const access = await accessToken(deps, account, uploadTokenSeconds)
  if (access.kind === 'none') return fail(access.error)
  const slot = await readSlot(deps.db, organizationId, input.slotId)
  if (slot.mode === 'draft') return done()

  const answer = await clientFor(deps, context, input).creatorInfo(access.token, signal)
  if (answer.kind !== 'ok') return await notOk(deps, { ...account, version: access.version }, answer)
  const { username: _, nickname: __, avatarUrl: ___, ...settings } = answer.creator
  await writeCreatorSettings(deps.db, accountId, settings)
  const failure = violationFailure(
    postViolations(answer.creator, { post: postInfoOf(slot), durationSeconds: media.seconds }),
  )
  return failure ? fail({ kind: 'needsPerson', failure }) : done()
}
