import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { codeOf, temporaryName } from '../../storage/durable-file.ts'

/** How often a renderer shows that it lives, and the silence after which it counts as dead. */
export const leaseTiming = { everyMs: 1000, staleAfterMs: 4000 } as const

/** The frames painted so far. */
export interface Progress {
  readonly frames: number
  readonly of: number
}

/** The right to render one clip, held by one process of the machine at a time. */
export interface Lease {
  /** Shows life and progress. Answers false when the lease was taken away: the clip is canceled, or another's. */
  renew(progress: Progress): Promise<boolean>
  release(): Promise<void>
}

/**
 * Takes the lease, a file that only one process can create, or answers undefined while another process holds it.
 *
 * A holder that is silent for too long loses it. Two processes may then both replace it; the one whose file is not there
 * any more learns it from its next beat and stops.
 */
export async function acquireLease(file: string): Promise<Lease | undefined> {
  const handle = (await create(file)) ?? ((await dropStale(file)) ? await create(file) : undefined)
  if (handle === undefined) return undefined

  const isOurs = async () => {
    const [ours, there] = await Promise.all([handle.stat(), statOf(file)])
    return there?.ino === ours.ino
  }

  return {
    async renew({ frames, of }) {
      // Always as long, so that a reader never sees the end of an older, longer text.
      await handle.write(JSON.stringify({ pid: process.pid, frames, of }).padEnd(100), 0)
      return await isOurs()
    },
    async release() {
      if (await isOurs()) await rm(file, { force: true })
      await handle.close()
    },
  }
}

/** The progress that a living holder last reported; undefined where nobody holds the lease. */
export async function readLease(file: string): Promise<Progress | undefined> {
  if (isStale(await statOf(file))) return undefined
  try {
    const { frames, of } = JSON.parse(await readFile(file, 'utf8'))
    return { frames, of }
  } catch {
    return { frames: 0, of: 1 } // taken a moment ago, nothing written yet
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

async function dropStale(file: string): Promise<boolean> {
  if (!isStale(await statOf(file))) return false
  const aside = `${file}.${temporaryName()}`
  // A rename is won by one process only; the other finds nothing to rename.
  await rename(file, aside).catch(() => {})
  await rm(aside, { force: true })
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
