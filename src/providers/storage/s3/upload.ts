import { openAsBlob } from 'node:fs'
import { StorageFault, type StoredObject } from '../storage.ts'
import type { S3Client } from './s3-client.ts'
import { serverTime } from './s3-listing.ts'

/** What is stored under a key. */
export interface StoredHead {
  readonly bytes: number
  /** How long ago it was put, by the server's clock. */
  readonly ageMs: number
}

/** Asks for an object without its content. Undefined if there is none, or no bucket. */
export async function readHead(
  client: S3Client,
  key: string,
  signal?: AbortSignal,
): Promise<StoredHead | undefined> {
  const answer = await client.send({ method: 'HEAD', key, accept: [404], signal })
  await answer.body?.cancel()
  if (answer.status === 404) return undefined
  const modified = Date.parse(answer.headers.get('last-modified') ?? '')
  return { bytes: Number(answer.headers.get('content-length')), ageMs: serverTime(answer) - modified }
}

/** A complete file that is to be stored. */
export interface Upload {
  readonly key: string
  readonly file: string
  readonly object: StoredObject
  readonly signal?: AbortSignal | undefined
}

/**
 * Puts files under keys, unless they are there. One conditional request does both. A server without conditional
 * requests, which says so at the first one, is asked before the content is sent; two puts at once then send the same content twice.
 *
 * An object that was put more than `freshMs` ago is put again: its age tells the sweep that nobody is about to refer to it.
 */
export function createUpload(client: S3Client, freshMs: number) {
  /** Whether the server knows conditional requests; null until it has answered one. */
  let isConditional: boolean | null = null

  async function send({ key, file, object, signal }: Upload, isIfMissing: boolean): Promise<number> {
    const answer = await client.send({
      method: 'PUT',
      key,
      headers: {
        // Signed, so that the server refuses any other content.
        'x-amz-content-sha256': object.sha256,
        'content-type': 'application/octet-stream',
        ...(isIfMissing && { 'if-none-match': '*' }),
      },
      // A file has a length; a stream would be sent in chunks, which S3 servers refuse.
      body: await openAsBlob(file),
      signal,
      accept: isIfMissing ? [412, 501] : [],
    })
    await answer.body?.cancel()
    return answer.status
  }

  async function isThere({ key, object, signal }: Omit<Upload, 'file'>): Promise<boolean> {
    const found = await readHead(client, key, signal)
    return found?.bytes === object.bytes && found.ageMs < freshMs
  }

  /** True if the object is stored now; otherwise it may exist, or the server knows no conditions. */
  async function sendIfMissing(upload: Upload): Promise<boolean> {
    try {
      const status = await send(upload, true)
      isConditional = status !== 501
      return isConditional && status !== 412
    } catch (error) {
      // A server that refuses may close the connection before it has read the content, so that its answer is lost.
      const isLost = error instanceof StorageFault && error.fault === 'STORAGE_UNREACHABLE'
      if (isLost && (await isThere(upload).catch(() => false))) return true
      if (isLost && isConditional === null) return false
      throw error
    }
  }

  return {
    /** Whether the object is stored and need not be put again. */
    isThere,
    async send(upload: Upload): Promise<void> {
      if (isConditional !== false && (await sendIfMissing(upload))) return
      if (await isThere(upload)) return
      await send(upload, false)
    },
  }
}
