import type { ClipRef } from '../../machines/job/context.ts'
import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import type { JobRef } from '../providers/video/provider.ts'
import { settleQuota } from '../store/quota-ledger.ts'
import type { StepDeps } from './deps.ts'

/** Settles what was reserved, by whether a video was made, and stops a clip that nobody waits for any more. */
export async function closeJob(
  { db, videos }: StepDeps,
  { jobId }: StepContext,
  { clip, used }: { readonly clip: ClipRef | null; readonly used: boolean },
): Promise<StepOutcome> {
  await db.transaction().execute((tx) => settleQuota(tx, jobId, used ? 'commit' : 'release'))
  // Best effort: the job is over whatever comes of it.
  if (clip) await videos.cancel?.(clip as unknown as JobRef).catch(() => undefined)
  return done()
}
