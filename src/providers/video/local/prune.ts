import { readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/**
 * Removes clips that were not started or finished for this long; returns how many.
 *
 * Safe: polling such a clip renders it again, to the same bytes.
 */
export async function pruneClips(root: string, olderThanMs: number): Promise<number> {
  let removed = 0
  for (const name of await readdir(root).catch(() => [])) {
    if (!/^[0-9a-f]{32}$/.test(name)) continue // not a clip
    const directory = path.join(root, name)
    // Acquiring the lease and moving a file change the directory's mtime.
    const age = await stat(directory).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0, // another process has removed it
    )
    if (age <= olderThanMs) continue
    await rm(directory, { recursive: true, force: true })
    removed++
  }
  return removed
}
