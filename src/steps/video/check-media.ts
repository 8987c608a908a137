import type { KeptMedia } from '../../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../../durable/step.ts'
import { mediaViolations } from '../../providers/tiktok/post/media-violation.ts'
import { probeMedia } from '../../providers/video/local/probe.ts'
import { readCreatorSettings } from '../../store/account/accounts.ts'
import { ownFailure } from '../failure.ts'
import { needsPerson } from '../outcome.ts'
import type { StepDeps } from '../step-deps.ts'
import { freeClips } from './free-clips.ts'

/**
 * Probes the stored file and checks it against TikTok's rules and the creator's stored settings. A video that TikTok would
 * refuse costs no call, and none of the few posts per day.
 */
export async function checkMedia(
  deps: StepDeps,
  context: StepContext,
  { accountId, media }: { readonly accountId: string; readonly media: KeptMedia },
): Promise<StepOutcome> {
  const { db, storage } = deps
  const { organizationId } = context
  const probed = await storage.withFile(organizationId, media.sha256, (file) => probeMedia(file))
  if (probed.kind === 'unreadable') {
    const message = `The stored video cannot be read: ${probed.why}`
    return needsPerson(ownFailure('FIX_MEDIA', 'MEDIA_UNREADABLE', message))
  }
  const settings = await readCreatorSettings(db, accountId)
  const [violation] = mediaViolations(
    probed,
    settings ? { maxDurationSeconds: settings.maxDurationSeconds } : {},
  )
  if (!violation) {
    await freeClips(deps, context)
    return done()
  }
  const { rule, value, limit } = violation
  const message = `TikTok does not accept this video: its ${rule} is ${String(value)}, the limit is ${String(limit)}.`
  return needsPerson(ownFailure('FIX_MEDIA', `MEDIA_${rule.toUpperCase()}`, message))
}
