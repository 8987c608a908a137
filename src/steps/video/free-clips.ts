import type { StepContext } from '../../durable/step.ts'
import { listFreeClips } from '../../store/job/clips.ts'
import type { StepDeps } from '../step-deps.ts'

/**
 * Removes the clips that a job has kept, as far as nobody else needs them: once its video is stored and checked, or the job is
 * over. Best effort: what stays is found by the sweep, and no job waits for it.
 */
export async function freeClips(
  { db, storage }: Pick<StepDeps, 'db' | 'storage'>,
  { organizationId, jobId }: Pick<StepContext, 'organizationId' | 'jobId'>,
): Promise<void> {
  for (const sha256 of await listFreeClips(db, { organizationId, jobId }))
    await storage.remove(organizationId, sha256).catch(() => false)
}
