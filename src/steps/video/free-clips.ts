import type { StepContext } from '../../durable/step.ts'
import { listUnreferencedClips } from '../../store/job/clips.ts'
import type { StepDeps } from '../step-deps.ts'

/**
 * Removes a job's clips that no other job needs, once its video is stored and checked or the job has ended. Best effort: the
 * sweep removes what remains, and no job waits for that.
 */
export async function freeClips(
  { db, storage }: Pick<StepDeps, 'db' | 'storage'>,
  { organizationId, jobId }: Pick<StepContext, 'organizationId' | 'jobId'>,
): Promise<void> {
  for (const sha256 of await listUnreferencedClips(db, { organizationId, jobId }))
    await storage.remove(organizationId, sha256).catch(() => false)
}
