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
 * Settles what was reserved, and stops a clip that nobody waits for any more. A video is consumed once it is rendered and
 * stored. An upload is consumed once its last chunk was accepted: before that nothing of it can ever be seen, and from then
 * on a post may exist. Whether it was is known for sure only here, for an unanswered chunk is looked up before a job is
 * closed; until then the upload stays reserved.
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
  if (clip) await stopClip(deps, signal, clip)
  await freeClips(deps, context)
  return done()
}

/** Best effort: the job is over whatever comes of it, and does not wait for a provider that is left alone. */
async function stopClip(deps: StepDeps, signal: AbortSignal, clip: ClipRef): Promise<void> {
  const ref = clip as unknown as JobRef // As the provider gave it.
  await callProvider(deps, signal, {}, async (videos) => videos.cancel?.(ref)).catch(() => undefined)
}

async function wasSent(tx: Tx, organizationId: string, jobId: string): Promise<boolean> {
  const [job] = await findJobs(tx, organizationId, [jobId])
  return typeof job?.context.sentAt === 'number'
}
