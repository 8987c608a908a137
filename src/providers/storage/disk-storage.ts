import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import {
  codeOf,
  contentOf,
  createDirectory,
  moveDurably,
  removeStale,
  temporaryName,
  writeDurably,
} from './durable-file.ts'
import {
  type ByteRange,
  ContentMismatch,
  type ExpectedContent,
  ObjectMissing,
  type Storage,
  StorageFull,
  type StoredObject,
} from './storage.ts'

const outOfSpace = new Set(['ENOSPC', 'EDQUOT'])
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
    // The names become parts of paths.
    if (!/^[\w-]{1,128}$/.test(organizationId))
      throw new TypeError('an organization id may contain only letters, digits, - and _')
    if (!/^[0-9a-f]{64}$/.test(sha256))
      throw new TypeError('a sha256 must have 64 lower-case hexadecimal digits')
    return path.join(directory, organizationId, sha256.slice(0, 2), sha256)
  }

  return {
    async put(organizationId, source, expected) {
      pathOf(organizationId, '0'.repeat(64))
      const arriving = path.join(temporary, temporaryName())
      try {
        const object = await receive(typeof source === 'string' ? contentOf(source) : source, arriving)
        assertExpected(object, expected)
        const target = pathOf(organizationId, object.sha256)
        await createDirectory(path.dirname(target), directory)
        await moveDurably(arriving, target, arrivals)
        return object
      } catch (cause) {
        if (outOfSpace.has(codeOf(cause))) throw new StorageFull('the storage is full', { cause })
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
      const hashes: string[] = []
      for (const sha256 of names.map((name) => path.basename(name))) {
        if (!/^[0-9a-f]{64}$/.test(sha256)) continue
        const written = await stat(pathOf(organizationId, sha256)).catch(() => undefined)
        if (written && Date.now() - written.mtimeMs >= olderThanMs) hashes.push(sha256)
      }
      return hashes
    },

    async withFile(organizationId, sha256, work) {
      const file = pathOf(organizationId, sha256)
      await access(file).catch((cause) => throwMissing(cause, sha256))
      return await work(file)
    },

    locationOf: pathOf,
  }
}

async function receive(source: AsyncIterable<Uint8Array>, arriving: string): Promise<StoredObject> {
  // The source may fail before it is read; reading it then throws the same error.
  if (source instanceof Readable) source.on('error', () => undefined)
  const hash = createHash('sha256')
  let bytes = 0
  async function* hashed() {
    for await (const chunk of source) {
      hash.update(chunk)
      bytes += chunk.byteLength
      yield chunk
    }
  }
  await writeDurably(arriving, hashed())
  return { sha256: hash.digest('hex'), bytes }
}

function assertExpected(object: StoredObject, expected: ExpectedContent = {}): void {
  if (expected.bytes !== undefined && expected.bytes !== object.bytes) {
    throw new ContentMismatch(`expected ${expected.bytes} bytes, got ${object.bytes}`)
  }
  if (expected.sha256 !== undefined && expected.sha256 !== object.sha256) {
    throw new ContentMismatch(`expected content ${expected.sha256}, got ${object.sha256}`)
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
