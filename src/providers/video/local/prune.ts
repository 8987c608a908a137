import { readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/**
 * Removes the clips that nobody has begun or finished for so long; answers how many.
 *
 * Never a loss: whoever still polls such a clip has it rendered again, to the same bytes.
 */
export async function pruneClips(root: string, olderThanMs: number): Promise<number> {
  let removed = 0
  for (const name of await readdir(root).catch(() => [])) {
    if (!/^[0-9a-f]{32}$/.test(name)) continue // no clip of ours
    const directory = path.join(root, name)
    // A renderer that takes the lease or puts a file in its place touches the directory.
    const age = await stat(directory).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0, // another process is pruning, too
    )
    if (age <= olderThanMs) continue
    await rm(directory, { recursive: true, force: true })
    removed++
  }
  return removed
}
