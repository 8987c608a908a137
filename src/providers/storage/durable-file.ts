import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'

/** A file name that no other process or call uses. */
export const temporaryName = (): string => `${randomUUID()}.part`

/** The error code of a failed system call, or an empty string. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** Whether a system call failed because the disk or its quota is full. */
export const isOutOfSpace = (error: unknown): boolean => ['ENOSPC', 'EDQUOT'].includes(codeOf(error))

/** Reads a file, opened at the first read only: a stream that fails before it has a listener ends the process. */
export async function* contentOf(file: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(file)
}

/** Writes a new file and syncs it, so that its content survives a power cut. A failure may leave an incomplete file. */
export async function writeDurably(
  file: string,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const handle = await open(file, 'wx')
  try {
    for await (const chunk of source) await handle.writeFile(chunk)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Moves a synced file to `target` atomically: a reader sees the old content or the new.
 *
 * A rename works within one device only. From another device the file is first copied to `landing`, a directory on the
 * device of the target.
 */
export async function moveDurably(file: string, target: string, landing: string): Promise<void> {
  try {
    await rename(file, target)
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error
    await copyAcross(file, target, landing)
  }
  await syncDirectory(path.dirname(target))
}

async function copyAcross(file: string, target: string, landing: string): Promise<void> {
  const landed = path.join(landing, temporaryName())
  try {
    await writeDurably(landed, contentOf(file))
    await rename(landed, target)
    await rm(file)
  } finally {
    await rm(landed, { force: true })
  }
}

/** Creates a directory below `root` so that it survives a power cut: each new name is synced in its parent. */
export async function createDirectory(directory: string, root: string): Promise<void> {
  await mkdir(directory, { recursive: true })
  // Existing directories too: another process may have created one a moment ago and not synced it yet.
  for (let made = directory; made !== root && made.startsWith(root); made = path.dirname(made)) {
    await syncDirectory(path.dirname(made))
  }
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Removes temporary files that were last written more than `afterMs` ago, whose writers are assumed dead; answers how many. */
export async function removeStale(directory: string, afterMs: number): Promise<number> {
  let removed = 0
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name)
    const age = await stat(file).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => -1, // Another process has removed it.
    )
    if (!name.endsWith('.part') || age < afterMs) continue
    await rm(file, { force: true })
    removed += 1
  }
  return removed
}
