import { ObjectMissing } from '../../providers/storage/storage.ts'
import type { StepDeps } from '../step-deps.ts'

/** Throws ObjectMissing if this machine does not see the organization's stored file. */
export async function requireStored(
  { storage }: Pick<StepDeps, 'storage'>,
  organizationId: string,
  sha256: string,
): Promise<void> {
  const stored = await storage.stat(organizationId, sha256)
  if (!stored) throw new ObjectMissing(`no object ${sha256}`)
}
