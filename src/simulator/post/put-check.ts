import type { IncomingHttpHeaders } from 'node:http'
import type { Publish } from '../record.ts'

export type PutVerdict =
  /** The chunk that is due. */
  | { readonly kind: 'next'; readonly publish: Publish }
  /** The chunk that came last, range for range. */
  | { readonly kind: 'repeat'; readonly publish: Publish }
  /** Not where the upload stands, or not as long as its plan says. */
  | { readonly kind: 'outOfStep'; readonly publish: Publish }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 404 }

/** Holds a PUT against its upload before a byte of it is read. Source: media transfer guide, statuses of the upload. */
export function judgePut(
  headers: IncomingHttpHeaders,
  publish: Publish | undefined,
  token: string | null,
  now: number,
): PutVerdict {
  const refused = (status: 400 | 403 | 404) => ({ kind: 'refused', status }) as const
  if (!publish || publish.uploadToken !== token || publish.stopped) return refused(404)
  if (now >= publish.uploadExpiresAt) return refused(403)

  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '')
  const [first, last, total] = (range?.slice(1) ?? []).map(Number)
  if (first === undefined || last === undefined || total !== publish.size) return refused(400)
  if (Number(headers['content-length']) !== last - first + 1) return refused(400)
  // The token in the URL is the credential; an access token has no business with this host.
  if (!contentTypes.has(headers['content-type'] ?? '') || headers.authorization !== undefined) {
    return refused(400)
  }

  const { received } = publish
  if (first === received && last - first + 1 === chunkLength(publish)) return { kind: 'next', publish }
  const isRepeat = received > 0 && last === received - 1 && first === lastStart(publish)
  return { kind: isRepeat ? 'repeat' : 'outOfStep', publish }
}

const contentTypes: ReadonlySet<string> = new Set(['video/mp4', 'video/quicktime', 'video/webm'])

/** Of the chunk that is due: the last one carries the remainder, and after it nothing is due. */
export function chunkLength({ received, size, chunkSize, chunkCount }: Publish): number {
  return received === (chunkCount - 1) * chunkSize ? size - received : Math.min(chunkSize, size - received)
}

function lastStart({ received, size, chunkSize, chunkCount }: Publish): number {
  return received === size ? (chunkCount - 1) * chunkSize : received - chunkSize
}
