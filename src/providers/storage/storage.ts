import type { Readable } from 'node:stream'

/** A stored object. Its name is the hash of its content. */
export interface StoredObject {
  readonly sha256: string
  readonly bytes: number
}

export interface PutOptions {
  /** The expected content, as far as the caller knows it. On a mismatch nothing is stored. */
  readonly sha256?: string
  readonly bytes?: number
  /** Ends the put; its reason is thrown. */
  readonly signal?: AbortSignal
}

/** A part of an object, in bytes from 0, both ends inclusive as in an HTTP range. */
export interface ByteRange {
  readonly start?: number
  readonly end?: number
}

/**
 * Stores files by the sha256 of their content, separately per organization: equal content of two organizations is stored as
 * two objects, so that no organization can detect what another one has stored.
 *
 * A store that is reached over a network also throws StorageFault, StorageFull and StorageDeferred from every method.
 */
export interface Storage {
  /**
   * Stores a stream, or a copy of the file at a path. The object is stored completely or not at all, and survives a power cut
   * after this returns. An object that is stored already counts as put now; if its
   * hash and length are given, the source may not be read. Throws StorageFull or ContentMismatch.
   */
  put(
    organizationId: string,
    source: AsyncIterable<Uint8Array> | string,
    options?: PutOptions,
  ): Promise<StoredObject>

  /**
   * Streams an object or a part of it; nothing of a part that lies behind its end. Throws ObjectMissing. A later removal does not
   * affect the stream.
   */
  open(organizationId: string, sha256: string, range?: ByteRange): Promise<Readable>

  stat(organizationId: string, sha256: string): Promise<StoredObject | undefined>

  /** Reads the whole object and compares its hash with its name. */
  verify(organizationId: string, sha256: string): Promise<'intact' | 'corrupt' | 'missing'>

  /** Returns whether the object existed. */
  remove(organizationId: string, sha256: string): Promise<boolean>

  /** An organization's objects that were last put at least this long ago. */
  list(organizationId: string, olderThanMs: number): Promise<readonly StoredObject[]>

  /** Removes what this machine has of incomplete objects that were written to last at least this long ago; answers how many. */
  removeIncomplete(olderThanMs: number): Promise<number>

  /**
   * Runs `work` with a file of this machine that holds the object, for tools that need a path. The file must not be changed, and
   * may be gone once `work` has ended. Throws ObjectMissing.
   */
  withFile<Result>(
    organizationId: string,
    sha256: string,
    work: (file: string) => Promise<Result>,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Result>

  /** Where a person finds the object. For display only: it need not be a path of this machine. */
  locationOf(organizationId: string, sha256: string): string
}

/** Why the store does not work. Each code is in the table of verdicts, which has the next step. */
export type StorageFaultCode =
  | 'STORAGE_UNREACHABLE'
  | 'STORAGE_BUSY'
  | 'STORAGE_CREDENTIALS'
  | 'STORAGE_CLOCK'
  | 'STORAGE_BUCKET'
  | 'STORAGE_REGION'
  | 'STORAGE_REFUSED'

/** The store did not do what was asked. The work itself is not at fault and is retried unchanged. */
export class StorageFault extends Error {
  override readonly name = 'StorageFault'
  readonly fault: StorageFaultCode
  /** How long the store asked not to be called. */
  readonly afterSeconds: number | undefined

  constructor(
    fault: StorageFaultCode,
    message: string,
    options: ErrorOptions & { readonly afterSeconds?: number | undefined } = {},
  ) {
    super(message, options)
    this.fault = fault
    this.afterSeconds = options.afterSeconds
  }
}

/** The store was not asked, because its circuit breaker is open. */
export class StorageDeferred extends Error {
  override readonly name = 'StorageDeferred'
  readonly reason: 'circuitOpen' | 'retryBudget'
  readonly afterSeconds: number

  constructor({ reason, afterSeconds }: Pick<StorageDeferred, 'reason' | 'afterSeconds'>) {
    super(`the storage is not called for ${afterSeconds} s: ${reason}`)
    this.reason = reason
    this.afterSeconds = afterSeconds
  }
}

/** The disk, the store or its quota is full. Nothing of the object was stored. */
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
