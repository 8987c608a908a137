import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { writeDurably } from './durable-file.ts'
import { ContentMismatch, type PutOptions, type StoredObject } from './storage.ts'

/** Checks the names of an object, which become parts of paths. Throws TypeError. */
export function assertNames(organizationId: string, sha256: string): void {
  if (!/^[\w-]{1,128}$/.test(organizationId))
    throw new TypeError('an organization id may contain only letters, digits, - and _')
  if (!isSha256(sha256)) throw new TypeError('a sha256 must have 64 lower-case hexadecimal digits')
}

export const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)

/**
 * Writes a source to a new, synced file and hashes it on its way. Throws ContentMismatch if it is not what the caller expected, and
 * the signal's reason. A failure may leave an incomplete file.
 */
export async function receive(
  source: AsyncIterable<Uint8Array>,
  file: string,
  { bytes: expectedBytes, sha256: expectedHash, signal }: PutOptions = {},
): Promise<StoredObject> {
  // The source may fail before it is read; reading it then throws the same error.
  if (source instanceof Readable) source.on('error', () => undefined)
  const hash = createHash('sha256')
  let bytes = 0
  async function* hashed() {
    for await (const chunk of source) {
      signal?.throwIfAborted()
      hash.update(chunk)
      bytes += chunk.byteLength
      yield chunk
    }
  }
  await writeDurably(file, hashed())
  const sha256 = hash.digest('hex')
  if (expectedBytes !== undefined && expectedBytes !== bytes)
    throw new ContentMismatch(`expected ${expectedBytes} bytes, got ${bytes}`)
  if (expectedHash !== undefined && expectedHash !== sha256)
    throw new ContentMismatch(`expected content ${expectedHash}, got ${sha256}`)
  return { sha256, bytes }
}
