import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { contentOf, isOutOfSpace } from '../durable-file.ts'
import { assertNames, isSha256, receive } from '../receive.ts'
import { type ByteRange, ObjectMissing, type Storage, StorageFull, type StoredObject } from '../storage.ts'
import { openFileCache } from './file-cache.ts'
import { type Bucket, createS3Client, type StorageGuard } from './s3-client.ts'
import { listObjects } from './s3-listing.ts'
import { createUpload, readHead } from './upload.ts'

export interface S3StorageOptions {
  readonly bucket: Bucket
  /** Holds copies of objects on this machine, and what is being sent. */
  readonly cache: { readonly directory: string; readonly maxBytes: number }
  /** Default: requests are sent at once. */
  readonly guard?: StorageGuard
  /** How long an object that is put again need not be sent again. Default: a quarter of an hour; the sweep spares an hour. */
  readonly freshMs?: number
  /** Epoch milliseconds. Default: `Date.now`. */
  readonly now?: () => number
}

export interface S3Storage extends Storage {
  /** Lists, writes and removes in the bucket. Throws StorageFault or StorageFull if the storage could not be used as it is set up. */
  check(): Promise<void>
}

/**
 * Stores objects in a bucket of an S3-compatible server, `<organization>/<sha256>`.
 *
 * Content is spooled to this machine's disk and hashed before its first byte is sent. The request is signed with the hash, so the
 * server checks every byte, and the object is there completely or not at all.
 */
export async function createS3Storage(options: S3StorageOptions): Promise<S3Storage> {
  const { bucket, guard = (_call, run) => run(), now } = options
  const client = createS3Client(bucket, { guard, ...(now && { now }) })
  const cache = await openFileCache(options.cache)
  const upload = createUpload(client, options.freshMs ?? 15 * 60_000)
  const readBucket = () =>
    client.send({ method: 'GET', key: '', query: { 'list-type': '2', 'max-keys': '1' } })
  const keyOf = (organizationId: string, sha256: string) => {
    assertNames(organizationId, sha256)
    return `${organizationId}/${sha256}`
  }

  const openRemote = async (key: string, range: ByteRange = {}, signal?: AbortSignal) => {
    const { start = 0, end } = range
    const isWhole = start === 0 && end === undefined
    const answer = await client.send({
      method: 'GET',
      key,
      headers: isWhole ? {} : { range: `bytes=${start}-${end ?? ''}` },
      accept: [416],
      signal,
    })
    if (answer.status !== 416) return client.read(answer)
    await answer.body?.cancel()
    return Readable.from([], { objectMode: false })
  }

  const storage: S3Storage = {
    async put(organizationId, source, putOptions = {}) {
      const { sha256, bytes, signal } = putOptions
      if (sha256 !== undefined && bytes !== undefined) {
        const known = { key: keyOf(organizationId, sha256), object: { sha256, bytes }, signal }
        if (await upload.isThere(known)) {
          if (source instanceof Readable) source.destroy()
          return known.object
        }
      }
      keyOf(organizationId, '0'.repeat(64))
      const part = cache.newPart()
      try {
        const content = typeof source === 'string' ? contentOf(source) : source
        const object = await receive(content, part, putOptions)
        const key = keyOf(organizationId, object.sha256)
        await upload.send({ key, file: part, object, signal })
        // Who needs it next is often this machine.
        await cache.keep(organizationId, object.sha256, part)
        return object
      } catch (cause) {
        if (isOutOfSpace(cause)) throw new StorageFull('the disk of this machine is full', { cause })
        throw cause
      } finally {
        await rm(part, { force: true })
      }
    },

    async open(organizationId, sha256, range) {
      const key = keyOf(organizationId, sha256)
      const cached = await cache.open(organizationId, sha256)
      return cached ? cached.createReadStream(range) : await openRemote(key, range)
    },

    async stat(organizationId, sha256) {
      const found = await readHead(client, keyOf(organizationId, sha256))
      if (found) return { sha256, bytes: found.bytes }
      // The answer to a HEAD does not say whether the object or the bucket is missing.
      await discard(readBucket())
      return undefined
    },

    async verify(organizationId, sha256) {
      const key = keyOf(organizationId, sha256)
      const hash = createHash('sha256')
      try {
        for await (const chunk of await openRemote(key)) hash.update(chunk)
      } catch (error) {
        if (error instanceof ObjectMissing) return 'missing'
        throw error
      }
      return hash.digest('hex') === sha256 ? 'intact' : 'corrupt'
    },

    async remove(organizationId, sha256) {
      const key = keyOf(organizationId, sha256)
      // The server answers the same whether there was an object.
      const existed = await storage.stat(organizationId, sha256)
      await discard(client.send({ method: 'DELETE', key, accept: [404] }))
      await cache.remove(organizationId, sha256)
      return existed !== undefined
    },

    async list(organizationId, olderThanMs) {
      const prefix = keyOf(organizationId, '0'.repeat(64)).slice(0, -64)
      const objects: StoredObject[] = []
      for await (const { key, bytes, ageMs } of listObjects(client, prefix)) {
        const sha256 = key.slice(prefix.length)
        if (isSha256(sha256) && ageMs >= olderThanMs) objects.push({ sha256, bytes })
      }
      return objects
    },

    removeIncomplete: cache.removeIncomplete,

    async withFile(organizationId, sha256, work, { signal } = {}) {
      const key = keyOf(organizationId, sha256)
      const fetch = async (part: string) => {
        await receive(await openRemote(key, {}, signal), part, { sha256, ...(signal && { signal }) })
      }
      return await cache.use(organizationId, sha256, fetch, work)
    },

    locationOf: (organizationId, sha256) => `s3://${bucket.name}/${keyOf(organizationId, sha256)}`,

    async check() {
      await discard(readBucket())
      const body = new Blob([])
      await discard(client.send({ method: 'PUT', key: '.check', body }))
      await discard(client.send({ method: 'DELETE', key: '.check', accept: [404] }))
    },
  }
  return storage
}

async function discard(answer: Promise<Response>): Promise<void> {
  await (await answer).body?.cancel()
}
