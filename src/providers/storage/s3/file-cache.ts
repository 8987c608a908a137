import { type FileHandle, link, mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises'
import path from 'node:path'
import { codeOf, removeStale, temporaryName } from '../durable-file.ts'

const staleAfterMs = 24 * 60 * 60 * 1000

/** Files of this machine that hold stored objects, whole and verified. The least recently used make room for others. */
export interface FileCache {
  /** A path for a file that is being written. The caller removes it, or hands it to `keep`. */
  newPart(): string
  /** Moves a complete, synced file into the cache, and removes what exceeds its bound. */
  keep(organizationId: string, sha256: string, part: string): Promise<void>
  /** Opens a cached file; undefined if there is none. */
  open(organizationId: string, sha256: string): Promise<FileHandle | undefined>
  /**
   * Runs `work` with a name of its own for a cached file, so that the file stays while another process makes room. `fetch` writes a file
   * that is not cached, complete and synced.
   */
  use<Result>(
    organizationId: string,
    sha256: string,
    fetch: (part: string) => Promise<void>,
    work: (file: string) => Promise<Result>,
  ): Promise<Result>
  remove(organizationId: string, sha256: string): Promise<void>
  /** Removes what dead processes left: unfinished files, and names of files in use. Answers how many. */
  removeIncomplete(olderThanMs: number): Promise<number>
}

/** Opens a cache that processes of this machine may share. Files in use count as long as they are in the cache. */
export async function openFileCache(options: {
  readonly directory: string
  readonly maxBytes: number
}): Promise<FileCache> {
  const directory = path.resolve(options.directory)
  const [arriving, using] = [path.join(directory, '.arriving'), path.join(directory, '.using')]
  for (const folder of [arriving, using]) {
    await mkdir(folder, { recursive: true })
    await removeStale(folder, staleAfterMs)
  }
  const pathOf = (organizationId: string, sha256: string) => path.join(directory, organizationId, sha256)

  /** Marks a file as used now. False if it is not cached. */
  const touch = async (file: string) => {
    const now = new Date()
    return await utimes(file, now, now).then(() => true, ignoreMissing(false))
  }

  const newPart = () => path.join(arriving, temporaryName())
  const keep = async (organizationId: string, sha256: string, part: string) => {
    const target = pathOf(organizationId, sha256)
    await mkdir(path.dirname(target), { recursive: true })
    await rename(part, target)
    await makeRoom(directory, options.maxBytes)
  }

  return {
    newPart,
    keep,

    async open(organizationId, sha256) {
      const file = pathOf(organizationId, sha256)
      if (!(await touch(file))) return undefined
      return await open(file).catch(ignoreMissing(undefined))
    },

    async use(organizationId, sha256, fetch, work) {
      const file = pathOf(organizationId, sha256)
      const name = path.join(using, temporaryName())
      const isCached = (await touch(file)) && (await link(file, name).then(() => true, ignoreMissing(false)))
      try {
        if (!isCached) {
          const part = newPart()
          try {
            await fetch(part)
            // Before the file is kept: it may be too large to stay.
            await link(part, name)
            await keep(organizationId, sha256, part)
          } finally {
            await rm(part, { force: true })
          }
        }
        return await work(name)
      } finally {
        await rm(name, { force: true })
      }
    },

    async remove(organizationId, sha256) {
      await rm(pathOf(organizationId, sha256), { force: true })
    },

    removeIncomplete: async (olderThanMs) =>
      (await removeStale(arriving, olderThanMs)) + (await removeStale(using, olderThanMs)),
  }
}

/** Removes the least recently used files until the rest fits. */
async function makeRoom(directory: string, maxBytes: number): Promise<void> {
  const names = await readdir(directory, { recursive: true })
  const files: { readonly file: string; readonly bytes: number; readonly usedAt: number }[] = []
  for (const name of names) {
    if (name.startsWith('.')) continue
    const file = path.join(directory, name)
    const found = await stat(file).catch(() => undefined) // Another process has made room too.
    if (found?.isFile()) files.push({ file, bytes: found.size, usedAt: found.mtimeMs })
  }
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  for (const { file, bytes } of files.toSorted((a, b) => a.usedAt - b.usedAt)) {
    if (total <= maxBytes) return
    await rm(file, { force: true })
    total -= bytes
  }
}

const ignoreMissing =
  <Value>(value: Value) =>
  (error: unknown): Value => {
    if (codeOf(error) === 'ENOENT') return value
    throw error
  }
