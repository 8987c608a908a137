import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import {
  codeOf,
  contentOf,
  createDirectory,
  isOutOfSpace,
  moveDurably,
  removeStale,
  temporaryName,
} from './durable-file.ts'
import { assertNames, isSha256, receive } from './receive.ts'
import { type ByteRange, ObjectMissing, type Storage, StorageFull, type StoredObject } from './storage.ts'

const staleAfterMs = 24 * 60 * 60 * 1000

export interface DiskStorageOptions {
  readonly directory: string
  /** Holds incomplete content; may be on another device. Default: a directory beside the objects. */
  readonly temporaryDirectory?: string
}

/**
 * Stores objects as files, `<directory>/<organization>/<ab>/<sha256>`, which all processes of the machine share.
 *
 * Removes incomplete files that killed processes left in the temporary directory more than a day ago.
 */
export async function createDiskStorage(options: DiskStorageOptions): Promise<Storage> {
  const directory = path.resolve(options.directory)
  const arrivals = path.join(directory, '.arriving')
  const temporary = path.resolve(options.temporaryDirectory ?? arrivals)
  for (const folder of new Set([arrivals, temporary])) {
    await mkdir(folder, { recursive: true })
    await removeStale(folder, staleAfterMs)
  }

  const pathOf = (organizationId: string, sha256: string) => {
    assertNames(organizationId, sha256)
    return path.join(directory, organizationId, sha256.slice(0, 2), sha256)
  }

  return {
    async put(organizationId, source, options) {
      pathOf(organizationId, '0'.repeat(64))
      const arriving = path.join(temporary, temporaryName())
      try {
        const content = typeof source === 'string' ? contentOf(source) : source
        const object = await receive(content, arriving, options)
        const target = pathOf(organizationId, object.sha256)
        await createDirectory(path.dirname(target), directory)
        await moveDurably(arriving, target, arrivals)
        return object
      } catch (cause) {
        if (isOutOfSpace(cause)) throw new StorageFull('the storage is full', { cause })
        throw cause
      } finally {
        await rm(arriving, { force: true })
      }
    },

    async open(organizationId, sha256, range) {
      return await openRange(pathOf(organizationId, sha256), sha256, range)
    },

    async stat(organizationId, sha256) {
      try {
        return { sha256, bytes: (await stat(pathOf(organizationId, sha256))).size }
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return undefined
        throw error
      }
    },

    async verify(organizationId, sha256) {
      const hash = createHash('sha256')
      try {
        for await (const chunk of createReadStream(pathOf(organizationId, sha256))) hash.update(chunk)
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return 'missing'
        throw error
      }
      return hash.digest('hex') === sha256 ? 'intact' : 'corrupt'
    },

    async remove(organizationId, sha256) {
      try {
        await rm(pathOf(organizationId, sha256))
        return true
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false
        throw error
      }
    },

    async list(organizationId, olderThanMs) {
      const folder = path.dirname(path.dirname(pathOf(organizationId, '0'.repeat(64))))
      const names = await readdir(folder, { recursive: true }).catch((error) => {
        if (codeOf(error) === 'ENOENT') return [] // The organization has stored nothing yet.
        throw error
      })
      const objects: StoredObject[] = []
      for (const sha256 of names.map((name) => path.basename(name))) {
        if (!isSha256(sha256)) continue
        const written = await stat(pathOf(organizationId, sha256)).catch(() => undefined)
        if (written && Date.now() - written.mtimeMs >= olderThanMs)
          objects.push({ sha256, bytes: written.size })
      }
      return objects
    },

    async removeIncomplete(olderThanMs) {
      let removed = 0
      for (const folder of new Set([arrivals, temporary])) removed += await removeStale(folder, olderThanMs)
      return removed
    },

    async withFile(organizationId, sha256, work) {
      const file = pathOf(organizationId, sha256)
      await access(file).catch((cause) => throwMissing(cause, sha256))
      return await work(file)
    },

    locationOf: pathOf,
  }
}

async function openRange(file: string, sha256: string, range: ByteRange = {}): Promise<Readable> {
  try {
    // Opened before the stream is returned, so that a missing object throws here and does not break the stream.
    const handle = await open(file)
    return handle.createReadStream(range)
  } catch (cause) {
    return throwMissing(cause, sha256)
  }
}

function throwMissing(cause: unknown, sha256: string): never {
  if (codeOf(cause) === 'ENOENT') throw new ObjectMissing(`no object ${sha256}`, { cause })
  throw cause
}
