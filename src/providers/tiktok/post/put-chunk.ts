import { isWorthRepeating } from '../../../../machines/rules/retry.ts'
import type { Secret } from '../../../secret.ts'
import type { Deferred } from '../../deferred.ts'
import type { NotSent, Unknown } from '../http/answer.ts'
import { keptRaw } from '../http/redact.ts'
import { retryAfterSeconds } from '../http/retry-after.ts'
import { type Answered, exchange, type Upstream } from '../http/upstream.ts'
import type { ByteRange } from './chunk-plan.ts'
import { type ChunkBody, exactBody } from './exact-body.ts'

export interface Chunk extends ByteRange {
  /** The whole file's size. */
  readonly total: number
  readonly contentType: 'video/mp4' | 'video/quicktime' | 'video/webm'
  /** Exactly the bytes `first` to `last`; a stream is sent as it comes, never held. */
  readonly body: ChunkBody
}

export type ChunkAnswer =
  /** More to come. `uploadedBytes` is what is stored now. */
  | { readonly kind: 'stored'; readonly uploadedBytes: number; readonly httpStatus: number }
  /** All bytes are there; TikTok has begun to post. */
  | { readonly kind: 'complete'; readonly httpStatus: number }
  /** Not where TikTok stands. `uploadedBytes` may be a count or a last index: let `nextChunk` read it. */
  | { readonly kind: 'rangeMismatch'; readonly uploadedBytes?: number }
  /** The hour is over. A fresh init is a new decision, not a retry. */
  | { readonly kind: 'expired' }
  /** There is no such upload. */
  | { readonly kind: 'gone' }
  /** Send the same chunk again, later. */
  | { readonly kind: 'retry'; readonly httpStatus: number; readonly retryAfterSeconds?: number }
  /** The request itself is wrong, which is a bug of ours. */
  | { readonly kind: 'refused'; readonly httpStatus: number }
  | NotSent
  | Deferred
  | Unknown

/**
 * Sends one chunk to the upload host. The URL is the credential, so no `Authorization` goes along.
 *
 * Throws what the body throws, and RangeError when the body does not have the bytes that the range promises: then the
 * fault lies in our storage, and TikTok has no part in it. Source: media transfer guide, "upload".
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
      // Node's own stream, which its fetch takes; the browser's types know neither it nor `duplex`.
      ...({ body: body.stream, duplex: 'half' } as object),
    },
    signal,
  )
  const fault = body.fault()
  if (fault) throw fault.error
  return answer.kind === 'answered' ? judge(answer, chunk) : answer
}

function judge({ httpStatus, headers, text }: Answered, { last, total }: Chunk): ChunkAnswer {
  if (httpStatus >= 200 && httpStatus < 300) {
    // 206 and 201 by the documents, yet clients report others: what counts is that the last byte was accepted.
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
  if (isWorthRepeating(httpStatus)) {
    const seconds = retryAfterSeconds(headers)
    return { kind: 'retry', httpStatus, ...(seconds !== undefined && { retryAfterSeconds: seconds }) }
  }
  if (httpStatus >= 400) return { kind: 'refused', httpStatus }
  return { kind: 'unknown', cause: 'unreadable', httpStatus, ...(text && { raw: keptRaw(text) }) }
}

function storedBytes(headers: Headers): number | undefined {
  const stored = /^bytes 0-(\d{1,12})\/\d+$/.exec(headers.get('content-range') ?? '')?.[1]
  return stored === undefined ? undefined : Number(stored)
}
