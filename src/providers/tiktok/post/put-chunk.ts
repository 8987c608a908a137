import { ReadableStream } from 'node:stream/web'
import { isRetryableStatus } from '../../../../machines/rules/retry.ts'
import type { Secret } from '../../../secret.ts'
import type { Deferred } from '../../deferred.ts'
import type { NotSent, Unknown } from '../http/answer.ts'
import { redactedRaw } from '../http/redact.ts'
import { type Answered, exchange, retryAfterSeconds, type Upstream } from '../http/upstream.ts'
import type { ByteRange } from './chunk-plan.ts'

export interface Chunk extends ByteRange {
  /** The whole file's size. */
  readonly total: number
  readonly contentType: 'video/mp4' | 'video/quicktime' | 'video/webm'
  /** Exactly the bytes `first` to `last`. A stream is sent as it is read and never buffered whole. */
  readonly body: Uint8Array | AsyncIterable<Uint8Array>
}

export type ChunkAnswer =
  /** The upload is not complete yet. `uploadedBytes` have been stored so far. */
  | { readonly kind: 'stored'; readonly uploadedBytes: number; readonly httpStatus: number }
  /** All bytes are stored; TikTok has started to process the post. */
  | { readonly kind: 'complete'; readonly httpStatus: number }
  /** TikTok expects another range. `uploadedBytes` may be a count or a last index: `nextChunk` reads both. */
  | { readonly kind: 'rangeMismatch'; readonly uploadedBytes?: number }
  /** The upload URL's hour is over. Only a new init can go on, and that is a new decision, not a retry. */
  | { readonly kind: 'expired' }
  /** TikTok does not know this upload. */
  | { readonly kind: 'gone' }
  /** Send the same chunk again later. */
  | { readonly kind: 'retry'; readonly httpStatus: number; readonly retryAfterSeconds?: number }
  /** The request itself is invalid, which is a bug of ours. */
  | { readonly kind: 'refused'; readonly httpStatus: number }
  | NotSent
  | Deferred
  | Unknown

/**
 * Sends one chunk to the upload host. The URL is the credential, so there is no `Authorization` header.
 *
 * Throws what the body throws, and RangeError when the body's length differs from its range: both are faults of our
 * storage, not of TikTok. Source: media transfer guide, "upload".
 */
export async function putChunk(
  uploads: Omit<Upstream, 'base'>,
  uploadUrl: Secret,
  chunk: Chunk,
  signal?: AbortSignal,
): Promise<ChunkAnswer> {
  const length = chunk.last - chunk.first + 1
  const body = exactBody(chunk.body, length)
  const answer = await exchange(
    uploads,
    uploadUrl.reveal(),
    {
      method: 'PUT',
      headers: {
        'content-type': chunk.contentType,
        'content-length': String(length),
        'content-range': `bytes ${chunk.first}-${chunk.last}/${chunk.total}`,
      },
      // Node's fetch accepts Node's own stream; the DOM types know neither it nor `duplex`.
      ...({ body: body.stream, duplex: 'half' } as object),
    },
    signal,
  )
  const fault = body.fault()
  if (fault) throw fault.error
  return answer.kind === 'answered' ? classifyChunk(answer, chunk) : answer
}

/**
 * A request body that checks its source's length, and keeps the error of a failing source: `fetch` reports a failing source
 * and a failing network by the same error.
 */
function exactBody(source: Chunk['body'], length: number) {
  let fault: { readonly error: unknown } | undefined

  async function* counted(): AsyncGenerator<Uint8Array> {
    let sent = 0
    try {
      for await (const part of source instanceof Uint8Array ? [source] : source) {
        sent += part.byteLength
        if (sent > length) break
        yield part
      }
      if (sent !== length) throw new RangeError(`the chunk has ${sent} bytes, its range ${length}`)
    } catch (error) {
      fault = { error }
      throw error
    }
  }

  return { stream: ReadableStream.from(counted()), fault: () => fault }
}

function classifyChunk({ httpStatus, headers, text }: Answered, { last, total }: Chunk): ChunkAnswer {
  if (httpStatus >= 200 && httpStatus < 300) {
    // TikTok documents 206 and 201, and clients report other statuses. Only the last byte's acceptance matters.
    return last + 1 === total
      ? { kind: 'complete', httpStatus }
      : { kind: 'stored', uploadedBytes: last + 1, httpStatus }
  }
  switch (httpStatus) {
    case 403:
      return { kind: 'expired' }
    case 404:
      return { kind: 'gone' }
    case 416: {
      const uploadedBytes = storedBytes(headers)
      return { kind: 'rangeMismatch', ...(uploadedBytes !== undefined && { uploadedBytes }) }
    }
  }
  if (isRetryableStatus(httpStatus)) {
    const seconds = retryAfterSeconds(headers)
    return { kind: 'retry', httpStatus, ...(seconds !== undefined && { retryAfterSeconds: seconds }) }
  }
  if (httpStatus >= 400) return { kind: 'refused', httpStatus }
  return { kind: 'unknown', cause: 'unreadable', httpStatus, ...(text && { raw: redactedRaw(text) }) }
}

function storedBytes(headers: Headers): number | undefined {
  const stored = /^bytes 0-(\d{1,12})\/\d+$/.exec(headers.get('content-range') ?? '')?.[1]
  return stored === undefined ? undefined : Number(stored)
}
