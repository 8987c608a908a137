import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { codeOf, temporaryName } from '../../storage/durable-file.ts'

/** How often a renderer renews its lease, and the age at which a lease is stale. */
export const leaseTiming = { renewEveryMs: 1000, staleAfterMs: 4000 } as const

/** The number of painted frames, of all frames. */
export interface Progress {
  readonly frames: number
  readonly of: number
}

/** The right to render one clip. At most one process of the machine holds it. */
export interface Lease {
  /** Renews the lease and writes the progress. Returns false when the lease was lost to a cancel or another process. */
  renew(progress: Progress): Promise<boolean>
  release(): Promise<void>
}

/**
 * Acquires the lease, a file that only one process can create. Returns undefined while another process holds it.
 *
 * A stale lease is replaced. If two processes replace it at once, the one whose file was replaced learns that from its next
 * renewal and stops.
 */
export async function acquireLease(file: string): Promise<Lease | undefined> {
  const handle = (await create(file)) ?? ((await removeStale(file)) ? await create(file) : undefined)
  if (handle === undefined) return undefined

  const isHeld = async () => {
    const [own, current] = await Promise.all([handle.stat(), statOf(file)])
    return current?.ino === own.ino
  }

  return {
    async renew({ frames, of }) {
      // Padded to a fixed length, so that a reader never sees the rest of an older, longer text.
      await handle.write(JSON.stringify({ pid: process.pid, frames, of }).padEnd(100), 0)
      return await isHeld()
    },
    async release() {
      if (await isHeld()) await rm(file, { force: true })
      await handle.close()
    },
  }
}

/** The progress that the lease's holder last wrote; undefined when nobody holds the lease. */
export async function readLease(file: string): Promise<Progress | undefined> {
  if (isStale(await statOf(file))) return undefined
  try {
    const { frames, of } = JSON.parse(await readFile(file, 'utf8'))
    return { frames, of }
  } catch {
    return { frames: 0, of: 1 } // acquired a moment ago and not written yet
  }
}

const isStale = (found: { mtimeMs: number } | undefined) =>
  found === undefined || Date.now() - found.mtimeMs > leaseTiming.staleAfterMs

async function create(file: string): Promise<FileHandle | undefined> {
  try {
    return await open(file, 'wx')
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return undefined
    throw error
  }
}

async function removeStale(file: string): Promise<boolean> {
  if (!isStale(await statOf(file))) return false
  const renamed = `${file}.${temporaryName()}`
  // Only one process can rename the file; the other one finds none.
  await rename(file, renamed).catch(() => {})
  await rm(renamed, { force: true })
  return true
}

async function statOf(file: string) {
  try {
    return await stat(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
