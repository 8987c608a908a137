import type { Readable } from 'node:stream'

/** A stored object. Its name is the hash of its content. */
export interface StoredObject {
  readonly sha256: string
  readonly bytes: number
}

/** The expected content, as far as the caller knows it. On a mismatch nothing is stored. */
export interface ExpectedContent {
  readonly sha256?: string
  readonly bytes?: number
}

/** A part of an object, in bytes from 0, both ends inclusive as in an HTTP range. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

/**
 * Stores files by the sha256 of their content, separately per organization: equal content of two organizations is stored as
 * two objects, so that no organization can detect what another one has stored.
 */
export interface Storage {
  /**
   * Stores a stream, or a copy of the file at a path. The object is stored completely or not at all, and survives a power cut
   * after this returns. Throws StorageFull or ContentMismatch.
   */
  put(
    organizationId: string,
    source: AsyncIterable<Uint8Array> | string,
    expected?: ExpectedContent,
  ): Promise<StoredObject>

  /** Streams an object or a part of it. Throws ObjectMissing. A later removal does not affect the stream. */
  open(organizationId: string, sha256: string, range?: ByteRange): Promise<Readable>

  stat(organizationId: string, sha256: string): Promise<StoredObject | undefined>

  /** Reads the whole object and compares its hash with its name. */
  verify(organizationId: string, sha256: string): Promise<'intact' | 'corrupt' | 'missing'>

  /** Returns whether the object existed. */
  remove(organizationId: string, sha256: string): Promise<boolean>

  /** Hashes of an organization's objects that were last put at least this long ago. */
  list(organizationId: string, olderThanMs: number): Promise<readonly string[]>

  /**
   * Runs `work` with a file of this machine that holds the object, for tools that need a path. The file must not be changed, and
   * may be gone once `work` has ended. Throws ObjectMissing.
   */
  withFile<Result>(
    organizationId: string,
    sha256: string,
    work: (file: string) => Promise<Result>,
  ): Promise<Result>

  /** Where a person finds the object. For display only: it need not be a path of this machine. */
  locationOf(organizationId: string, sha256: string): string
}

/** The disk or its quota is full. Nothing of the object was stored. */
export class StorageFull extends Error {
  override readonly name = 'StorageFull'
}

/** The organization has no such object. */
export class ObjectMissing extends Error {
  override readonly name = 'ObjectMissing'
}

/** The content is incomplete or differs from what the caller expected. Nothing of it was stored. */
export class ContentMismatch extends Error {
  override readonly name = 'ContentMismatch'
}
