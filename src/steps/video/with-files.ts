import type { Storage } from '../../providers/storage/storage.ts'

/** Runs `work` with files of this machine that hold an organization's stored objects, in order. Throws ObjectMissing. */
export async function withFiles<Result>(
  storage: Pick<Storage, 'withFile'>,
  organizationId: string,
  hashes: readonly string[],
  work: (files: readonly string[]) => Promise<Result>,
): Promise<Result> {
  const [sha256, ...others] = hashes
  if (sha256 === undefined) return await work([])
  return await storage.withFile(organizationId, sha256, (file) =>
    withFiles(storage, organizationId, others, (files) => work([file, ...files])),
  )
}
