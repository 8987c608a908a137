import type { IncomingHttpHeaders } from 'node:http'
import type { Publish } from '../record.ts'

export type PutCheck =
  /** The next chunk. */
  | { readonly kind: 'next'; readonly publish: Publish }
  /** An exact repeat of the last accepted chunk. */
  | { readonly kind: 'repeat'; readonly publish: Publish }
  /** A chunk with another start or length than the next one. */
  | { readonly kind: 'outOfOrder'; readonly publish: Publish }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 404 }

/** Checks the headers of a PUT before its body is read. Source: media transfer guide, statuses of the upload. */
export function checkPut(
  headers: IncomingHttpHeaders,
  publish: Publish | undefined,
  token: string | null,
  now: number,
): PutCheck {
  const refused = (status: 400 | 403 | 404) => ({ kind: 'refused', status }) as const
  if (!publish || publish.uploadToken !== token || publish.stopped) return refused(404)
  if (now >= publish.uploadExpiresAt) return refused(403)

  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '')
  const [first, last, total] = (range?.slice(1) ?? []).map(Number)
  if (first === undefined || last === undefined || total !== publish.size) return refused(400)
  if (Number(headers['content-length']) !== last - first + 1) return refused(400)
  // The token in the URL is the credential; an access token must not be sent to this host.
  if (!contentTypes.has(headers['content-type'] ?? '') || headers.authorization !== undefined) {
    return refused(400)
  }

  const { received } = publish
  if (first === received && last - first + 1 === nextChunkLength(publish)) return { kind: 'next', publish }
  const isRepeat = received > 0 && last === received - 1 && first === lastChunkStart(publish)
  return { kind: isRepeat ? 'repeat' : 'outOfOrder', publish }
}

const contentTypes: ReadonlySet<string> = new Set(['video/mp4', 'video/quicktime', 'video/webm'])

/** The length of the next chunk: the last one includes the remainder; 0 after it. */
export function nextChunkLength({ received, size, chunkSize, chunkCount }: Publish): number {
  return received === (chunkCount - 1) * chunkSize ? size - received : Math.min(chunkSize, size - received)
}

function lastChunkStart({ received, size, chunkSize, chunkCount }: Publish): number {
  return received === size ? (chunkCount - 1) * chunkSize : received - chunkSize
}
