import type { ClipRef } from '../../machines/job/context.ts'
import { settleJobQuota } from '../commands/quota/settle-quota.ts'
import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import type { JobRef } from '../providers/video/provider.ts'
import type { Tx } from '../store/database.ts'
import { findJobs } from '../store/job/job-list.ts'
import type { StepDeps } from './step-deps.ts'
import { callProvider } from './video/call-provider.ts'
import { freeClips } from './video/free-clips.ts'

/**
 * Settles the job's quota reservations, and cancels a clip that is still being rendered.
 *
 * A video is consumed once it is rendered and stored. An upload is consumed once its last chunk was accepted: before that no
 * part of it can become visible, and afterwards a post may exist. Only here is that certain, because the machine looks an
 * unanswered chunk up before it closes a job; until then the upload stays reserved.
 */
export async function closeJob(
  deps: StepDeps,
  context: StepContext,
  { clip, used }: { readonly clip: ClipRef | null; readonly used: boolean },
): Promise<StepOutcome> {
  const { organizationId, jobId, signal } = context
  await deps.db.transaction().execute(async (tx) => {
    const video = used ? 'commit' : 'release'
    const upload = (await wasSent(tx, organizationId, jobId)) ? 'commit' : 'release'
    await settleJobQuota(tx, { organizationId, jobId }, { videos: video, seconds: video, uploads: upload })
  })
  if (clip) await cancelClip(deps, signal, clip)
  await freeClips(deps, context)
  return done()
}

/** Best effort: the job ends either way, and does not wait for its provider. */
async function cancelClip(deps: StepDeps, signal: AbortSignal, clip: ClipRef): Promise<void> {
  const ref = clip as unknown as JobRef // The provider's own reference, stored as JSON.
  await callProvider(deps, signal, {}, async (videos) => videos.cancel?.(ref)).catch(() => undefined)
}

async function wasSent(tx: Tx, organizationId: string, jobId: string): Promise<boolean> {
  const [job] = await findJobs(tx, organizationId, [jobId])
  return typeof job?.context.sentAt === 'number'
}
