import type { Storage } from '../../providers/storage/storage.ts'
import type { Db } from '../../store/database.ts'
import { listReferencedFiles } from '../../store/job/clips.ts'
import { listOrganizations } from '../../store/tenant/organizations.ts'

/** A clip is stored shortly before its job's checkpoint names it: a younger file may still be needed. */
const defaultMinAgeMs = 60 * 60_000

/** Removes stored files that no job needs and that are older than `minAgeMs`; answers how many. */
export async function sweepMedia(storage: Storage, db: Db, minAgeMs = defaultMinAgeMs): Promise<number> {
  let removed = 0
  // Only organizations of this database: another database may need the files of others.
  for (const { id: organizationId } of await listOrganizations(db)) {
    const old = await storage.list(organizationId, minAgeMs)
    const needed = await listReferencedFiles(db, organizationId, old)
    for (const sha256 of old)
      if (!needed.has(sha256) && (await storage.remove(organizationId, sha256))) removed += 1
  }
  return removed
}
