import { ContentMismatch, type Storage, type StoredObject } from '../providers/storage/storage.ts'
import type { Db } from '../store/database.ts'
import { listReferencedFiles } from '../store/job/clips.ts'
import { listCountedFiles } from '../store/media/stored-files.ts'
import { listOrganizations } from '../store/tenant/organizations.ts'

/** What became of a move. */
export interface MoveResult {
  readonly copied: number
  readonly copiedBytes: number
  /** Objects that the target had already. */
  readonly skipped: number
  /** Where the objects of the source are whose content does not match their names. They were not copied. */
  readonly damaged: readonly string[]
}

/** Requests that are made at once: most objects are small, and each waits for a round trip. */
const concurrency = 4

/**
 * Copies the objects of all organizations of this database to another storage, which verifies each one by its hash. What the target has is
 * skipped, so that a move that ended early can be repeated, and once more after all processes use the target. The source is not changed.
 */
export async function moveStorage(
  db: Db,
  { from, to, signal }: { readonly from: Storage; readonly to: Storage; readonly signal: AbortSignal },
): Promise<MoveResult> {
  let [copied, copiedBytes, skipped] = [0, 0, 0]
  const damaged: string[] = []

  const copy = async (organizationId: string, { sha256, bytes }: StoredObject) => {
    try {
      await to.put(organizationId, await from.open(organizationId, sha256), { sha256, bytes, signal })
      copied += 1
      copiedBytes += bytes
    } catch (error) {
      if (!(error instanceof ContentMismatch)) throw error
      damaged.push(from.locationOf(organizationId, sha256))
    }
  }
  for (const { id } of await listOrganizations(db)) {
    const existing = new Map((await to.list(id, 0)).map(({ sha256, bytes }) => [sha256, bytes]))
    const objects = await from.list(id, 0)
    const missing = objects.filter(({ sha256, bytes }) => existing.get(sha256) !== bytes)
    skipped += objects.length - missing.length
    const next = missing.values()
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (const object of next) {
          signal.throwIfAborted()
          await copy(id, object)
        }
      }),
    )
  }
  return { copied, copiedBytes, skipped, damaged }
}

/** What an organization has in storage, against what its rows say. */
export interface StorageAudit {
  readonly organization: string
  /** The bytes that are counted: those of its media. */
  readonly countedBytes: number
  /** The bytes that are stored. */
  readonly storedBytes: number
  /** Files of its media that are not stored, or with another length. */
  readonly missing: readonly string[]
  /** Objects that no media needs: clips of unfinished jobs, and what the sweep removes an hour after it was stored. */
  readonly clips: number
  readonly unneeded: number
}

/** Compares the counted files of every organization with the objects that are really there, by their names and lengths. */
export async function auditStorage(db: Db, storage: Storage): Promise<readonly StorageAudit[]> {
  const audits: StorageAudit[] = []
  for (const { id, name } of await listOrganizations(db)) {
    const stored = await storage.list(id, 0)
    const counted = await listCountedFiles(db, id)
    const bytesOf = new Map(stored.map(({ sha256, bytes }) => [sha256, bytes]))
    const isCounted = new Set(counted.map(({ sha256 }) => sha256))
    const uncounted = stored.filter(({ sha256 }) => !isCounted.has(sha256)).map(({ sha256 }) => sha256)
    const needed = await listReferencedFiles(db, id, uncounted)
    const clips = uncounted.filter((sha256) => needed.has(sha256)).length
    audits.push({
      organization: name,
      countedBytes: sumOf(counted),
      storedBytes: sumOf(stored),
      missing: counted
        .filter(({ sha256, bytes }) => bytesOf.get(sha256) !== bytes)
        .map(({ sha256 }) => storage.locationOf(id, sha256)),
      clips,
      unneeded: uncounted.length - clips,
    })
  }
  return audits
}

const sumOf = (files: readonly { readonly bytes: number }[]) =>
  files.reduce((sum, { bytes }) => sum + bytes, 0)
