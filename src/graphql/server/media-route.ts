import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Db, readInOrganization } from '../../store/database.ts'
import { findServedMedia } from '../../store/media/served-media.ts'
import type { Authenticator } from './authenticate.ts'
import type { KeyWatch } from './key-watch.ts'
import { type Problem, sendProblem, unauthenticated } from './problem.ts'
import { destroyOnRevocation } from './stream.ts'

/** A range of a file's bytes. Both ends are included. */
interface ByteRange {
  readonly start: number
  readonly end: number
}

/** The storage of the videos. `open` throws an error named `ObjectMissing` if the video is not stored. */
export interface MediaSource {
  open(organizationId: string, sha256: string, range: ByteRange): Promise<Readable>
}

export interface MediaRouteOptions {
  readonly db: Db
  readonly storage: MediaSource
  readonly authenticator: Authenticator
  readonly keys: KeyWatch
}

/** Serves `/media/<sha256>`: the finished videos of the API key's organization. */
export function createMediaRoute({ db, storage, authenticator, keys }: MediaRouteOptions) {
  return async (request: IncomingMessage, response: ServerResponse, sha256: string): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return sendProblem(response, methodNotAllowed)
    }
    const viewer = await authenticator.authenticate(request.headers.authorization)
    if (!viewer) return sendProblem(response, unauthenticated)
    const { organizationId } = viewer
    const [media] = /^[0-9a-f]{64}$/.test(sha256)
      ? await readInOrganization(db, organizationId, (tx) => findServedMedia(tx, organizationId, sha256))
      : []
    if (!media) return sendProblem(response, missing('The video does not exist.'))

    const tag = `"${sha256}"`
    response.setHeader('etag', tag)
    response.setHeader('accept-ranges', 'bytes')
    response.setHeader('cache-control', 'private, max-age=31536000, immutable') // The name is a hash of the content.
    if (request.headers['if-none-match']?.includes(tag)) return void response.writeHead(304).end()

    const condition = request.headers['if-range']
    const header = condition === undefined || condition === tag ? request.headers.range : undefined
    const range = parseRange(header, media.bytes)
    if (range === 'unsatisfiable') {
      return sendProblem(response, {
        status: 416,
        code: 'RANGE_NOT_SATISFIABLE',
        message: 'The requested range is outside of the video.',
        headers: { 'content-range': `bytes */${media.bytes}` },
      })
    }
    const { start, end } = range === 'whole' ? { start: 0, end: media.bytes - 1 } : range
    response.setHeader('content-type', media.contentType)
    response.setHeader('content-length', end - start + 1)
    if (range !== 'whole') response.setHeader('content-range', `bytes ${start}-${end}/${media.bytes}`)
    const status = range === 'whole' ? 200 : 206
    if (request.method === 'HEAD') return void response.writeHead(status).end()
    destroyOnRevocation(response, keys, viewer.keyId)
    await send(response, status, () => storage.open(organizationId, sha256, { start, end }))
  }
}

async function send(response: ServerResponse, status: number, open: () => Promise<Readable>): Promise<void> {
  let content: Readable
  try {
    content = await open()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (unavailableErrors.has(error.name)) return sendProblem(response, storageUnavailable)
    if (error.name !== 'ObjectMissing') throw error
    return sendProblem(response, missing('The video is no longer in storage.'))
  }
  response.writeHead(status)
  // A client that seeks or leaves closes the stream early. That is not an error.
  await pipeline(content, response).catch(() => response.destroy())
}

/** Errors of an object storage that does not answer as it should. */
const unavailableErrors: ReadonlySet<string> = new Set(['StorageFault', 'StorageDeferred', 'StorageFull'])

const storageUnavailable: Problem = {
  status: 503,
  code: 'UNAVAILABLE',
  message: 'The storage of the videos is unavailable. Send the request again.',
  retryAfterSeconds: 10,
}

const methodNotAllowed: Problem = {
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  message: 'Videos can be read by GET or HEAD only.',
  headers: { allow: 'GET, HEAD' },
}

function missing(message: string): Problem {
  return { status: 404, code: 'NOT_FOUND', message }
}

/**
 * Parses a `Range` header for a file of `size` bytes (RFC 9110, 14). Returns `whole` where the header may be ignored, such as
 * for several ranges, and `unsatisfiable` if the file has none of the bytes.
 */
function parseRange(header: string | undefined, size: number): ByteRange | 'whole' | 'unsatisfiable' {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return 'whole'
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? 'unsatisfiable' : { start: size - count, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return 'whole'
  return start >= size ? 'unsatisfiable' : { start, end }
}
