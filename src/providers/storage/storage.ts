import type { Readable } from 'node:stream'

/** What is kept of an object: the hash of its content is its name. `bytes` is its length. */
export interface StoredObject {
  readonly sha256: string
  readonly bytes: number
}

/** What the content must turn out to be, where the caller knows it; a mismatch is refused and leaves nothing behind. */
export interface ExpectedContent {
  readonly sha256?: string
  readonly bytes?: number
}

/** A part of an object, in bytes from 0; both ends are included, as in an HTTP range. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

/**
 * Keeps files by the sha256 of their content, apart for each organization: equal content of two organizations is two
 * objects, so that nobody can find out what another one has.
 */
export interface Storage {
  /**
   * Stores a stream, or a copy of the file at a path. The object is there in full or not at all, and survives a power cut
   * once this returns. Throws StorageFull or ContentMismatch.
   */
  put(
    organizationId: string,
    source: AsyncIterable<Uint8Array> | string,
    expected?: ExpectedContent,
  ): Promise<StoredObject>

  /** Streams an object or a part of it. Throws ObjectMissing; a removal after that does not disturb the reader. */
  open(organizationId: string, sha256: string, range?: ByteRange): Promise<Readable>

  stat(organizationId: string, sha256: string): Promise<StoredObject | undefined>

  /** Reads the whole object and compares it with its name. */
  verify(organizationId: string, sha256: string): Promise<'intact' | 'corrupt' | 'missing'>

  /** Answers whether there was something to remove. */
  remove(organizationId: string, sha256: string): Promise<boolean>

  /** The objects of an organization that nobody has put for so long, by their hashes. */
  list(organizationId: string, olderThanMs: number): Promise<readonly string[]>

  /** Where the object lies on this machine, if it does; for tools that want a file. */
  path?(organizationId: string, sha256: string): string
}

/** The disk or its quota is used up. Nothing of the object was kept. */
export class StorageFull extends Error {
  override readonly name = 'StorageFull'
}

/** No such object in this organization. */
export class ObjectMissing extends Error {
  override readonly name = 'ObjectMissing'
}

/** The content was not what the caller expected: cut short on its way, or another file. Nothing of it was kept. */
export class ContentMismatch extends Error {
  override readonly name = 'ContentMismatch'
}
