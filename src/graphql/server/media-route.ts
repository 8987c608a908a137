import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Db, inOrganization } from '../../store/database.ts'
import { findMedia } from '../../store/job/media.ts'
import type { Authenticator } from './authenticate.ts'
import { type Part, readRange } from './byte-range.ts'
import type { KeyWatch } from './key-watch.ts'
import { type Problem, sendProblem, unauthenticated } from './problem.ts'
import { endWithKey } from './stream.ts'

/** Where the videos are; throws an error named `ObjectMissing` for what is not there. Both ends of a part are included. */
export interface MediaSource {
  open(organizationId: string, sha256: string, part: Part): Promise<Readable>
}

export interface MediaRouteOptions {
  readonly db: Db
  readonly storage: MediaSource
  readonly authenticator: Authenticator
  readonly keys: KeyWatch
}

/** Serves `/media/<sha256>`: the finished videos of the organization that the key belongs to, and nobody else's. */
export function createMediaRoute({ db, storage, authenticator, keys }: MediaRouteOptions) {
  return async (request: IncomingMessage, response: ServerResponse, sha256: string): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return sendProblem(response, onlyRead)
    }
    const viewer = await authenticator.authenticate(request.headers.authorization)
    if (!viewer) return sendProblem(response, unauthenticated)
    const { organizationId } = viewer
    const media = /^[0-9a-f]{64}$/.test(sha256)
      ? await inOrganization(db, organizationId, (tx) => findMedia(tx, organizationId, sha256))
      : undefined
    if (!media) return sendProblem(response, missing('There is no such video.'))

    const tag = `"${sha256}"`
    response.setHeader('etag', tag)
    response.setHeader('accept-ranges', 'bytes')
    response.setHeader('cache-control', 'private, max-age=31536000, immutable') // Its name is its content.
    if (request.headers['if-none-match']?.includes(tag)) return void response.writeHead(304).end()

    const condition = request.headers['if-range']
    const asked = condition === undefined || condition === tag ? request.headers.range : undefined
    const range = readRange(asked, media.bytes)
    if (range === 'unsatisfiable') {
      return sendProblem(response, {
        status: 416,
        code: 'RANGE_NOT_SATISFIABLE',
        message: 'The video has no such bytes.',
        headers: { 'content-range': `bytes */${media.bytes}` },
      })
    }
    const part = range === 'whole' ? { start: 0, end: media.bytes - 1 } : range
    response.setHeader('content-type', media.contentType)
    response.setHeader('content-length', part.end - part.start + 1)
    if (range !== 'whole')
      response.setHeader('content-range', `bytes ${part.start}-${part.end}/${media.bytes}`)
    const status = range === 'whole' ? 200 : 206
    if (request.method === 'HEAD') return void response.writeHead(status).end()
    endWithKey(response, keys, viewer.keyId)
    await send(response, status, () => storage.open(organizationId, sha256, part))
  }
}

async function send(response: ServerResponse, status: number, open: () => Promise<Readable>): Promise<void> {
  let content: Readable
  try {
    content = await open()
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ObjectMissing')) throw error
    return sendProblem(response, missing('The video is not in storage any more.'))
  }
  response.writeHead(status)
  // A viewer who seeks or leaves cuts the stream; that is no mistake.
  await pipeline(content, response).catch(() => response.destroy())
}

const onlyRead: Problem = {
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  message: 'A video can only be read.',
  headers: { allow: 'GET, HEAD' },
}

function missing(message: string): Problem {
  return { status: 404, code: 'NOT_FOUND', message }
}
