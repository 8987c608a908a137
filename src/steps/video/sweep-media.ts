import type { Storage } from '../../providers/storage/storage.ts'
import type { Db } from '../../store/database.ts'
import { listReferencedFiles } from '../../store/job/clips.ts'
import { listOrganizations } from '../../store/tenant/organizations.ts'

/** A clip is stored shortly before its job's checkpoint names it: a younger file may still be needed. */
const defaultMinAgeMs = 60 * 60_000

/** An upload takes less long: what was not written to since then is of a killed process. */
const incompleteAfterMs = 24 * 60 * 60_000
/** Objects that are removed between two looks at what is needed. */
const batchSize = 100

/**
 * Removes stored files that nothing needs and that are older than `minAgeMs`, and what this machine has of incomplete ones; answers how
 * many files were removed.
 */
export async function sweepMedia(storage: Storage, db: Db, minAgeMs = defaultMinAgeMs): Promise<number> {
  let removed = 0
  // Only organizations of this database: another database may need the files of others.
  for (const { id: organizationId } of await listOrganizations(db)) {
    const old = await storage.list(organizationId, minAgeMs)
    for (let first = 0; first < old.length; first += batchSize) {
      const batch = old.slice(first, first + batchSize).map(({ sha256 }) => sha256)
      // Asked right before the removal: a job may have stored the same content since the list was read.
      const needed = await listReferencedFiles(db, organizationId, batch)
      for (const sha256 of batch)
        if (!needed.has(sha256) && (await storage.remove(organizationId, sha256))) removed += 1
    }
  }
  await storage.removeIncomplete(Math.max(minAgeMs, incompleteAfterMs))
  return removed
}
