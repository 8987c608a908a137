import type { Storage } from '../../providers/storage/storage.ts'
import type { Db } from '../../store/database.ts'
import { listNeededFiles } from '../../store/job/clips.ts'

/** A clip is kept a moment before its job's checkpoint names it. */
const graceMs = 60 * 60_000

/** Removes the stored files that nobody needs and that nobody has written for so long; answers how many. */
export async function sweepMedia(storage: Storage, db: Db, olderThanMs = graceMs): Promise<number> {
  let removed = 0
  // Only of organizations that this database knows: the files of others are not ours to judge.
  const organizations = await db.selectFrom('organization').select('id').execute()
  for (const { id: organizationId } of organizations) {
    const old = await storage.list(organizationId, olderThanMs)
    const needed = await listNeededFiles(db, organizationId, old)
    for (const sha256 of old)
      if (!needed.has(sha256) && (await storage.remove(organizationId, sha256))) removed += 1
  }
  return removed
}
