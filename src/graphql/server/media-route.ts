import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type Db, readInOrganization } from '../../store/database.ts'
import { findServedContent, findServedFile, type ServedFile } from '../../store/media/served-media.ts'
import { readMediaToken } from '../../vault/media-token.ts'
import type { Signer } from '../../vault/signer.ts'
import type { Authenticator } from './authenticate.ts'
import { type ByteRange, parseRange } from './byte-range.ts'
import type { KeyWatch } from './key-watch.ts'
import { type Problem, sendProblem, unauthenticated } from './problem.ts'
import { destroyOnRevocation } from './stream.ts'

/** The storage of the files. `open` throws an error named `ObjectMissing` if one is not stored. */
export interface MediaSource {
  open(organizationId: string, sha256: string, range: ByteRange): Promise<Readable>
}

export interface MediaRouteOptions {
  readonly db: Db
  readonly storage: MediaSource
  readonly authenticator: Authenticator
  readonly keys: KeyWatch
  readonly signer: Signer
}

/** The files of a media by their names in an address, as places among its previews; null is the media itself. */
const variants: ReadonlyMap<string, number | null> = new Map([
  ['file', null],
  ['poster', 0],
  ['thumbnail-1', 1],
  ['thumbnail-2', 2],
  ['thumbnail-3', 3],
])
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Serves files of media, never by a redirect: at `/media/<id>/<variant>?token=…` to everybody who has the signed address, also to pages
 * of other origins, and at `/media/<sha256>` to the API keys of their organization.
 */
export function createMediaRoute(options: MediaRouteOptions) {
  const { db, storage, authenticator, keys, signer } = options

  const serveSigned = async (request: IncomingMessage, response: ServerResponse, name: string) => {
    response.setHeader('access-control-allow-origin', '*')
    response.setHeader('access-control-expose-headers', 'Accept-Ranges, Content-Length, Content-Range, ETag')
    response.setHeader('cross-origin-resource-policy', 'cross-origin')
    if (request.method === 'OPTIONS') {
      const allowed = { 'access-control-allow-methods': 'GET, HEAD', 'access-control-max-age': '86400' }
      const headers = { 'access-control-allow-headers': 'Range, If-Range, If-None-Match' }
      return void response.writeHead(204, { ...allowed, ...headers }).end()
    }
    if (!isRead(request)) return sendProblem(response, methodNotAllowed)
    const [mediaId = '', variant = '', ...others] = name.split('/')
    const preview = variants.get(variant)
    const token = new URLSearchParams((request.url ?? '').split('?')[1] ?? '').get('token') ?? ''
    const isWellFormed = uuid.test(mediaId) && preview !== undefined && others.length === 0
    const organizationId = isWellFormed
      ? readMediaToken(signer, token, { mediaId, variant }, Date.now())
      : null
    // The same answer to a forged address, an expired one, and one of a file that is gone.
    if (organizationId === null || preview === undefined) return sendProblem(response, missing)
    const file = await readInOrganization(db, organizationId, (tx) =>
      findServedFile(tx, organizationId, mediaId, preview),
    )
    if (!file) return sendProblem(response, missing)
    // Not longer than the address lives, which is at least an hour.
    await serveFile(request, response, { storage, organizationId, file, maxAgeSeconds: 3_600 })
  }

  return async (request: IncomingMessage, response: ServerResponse, name: string): Promise<void> => {
    if (name.includes('/')) return await serveSigned(request, response, name)
    if (!isRead(request)) return sendProblem(response, methodNotAllowed)
    const viewer = await authenticator.authenticate(request.headers.authorization)
    if (!viewer) return sendProblem(response, unauthenticated)
    const { organizationId } = viewer
    const file = /^[0-9a-f]{64}$/.test(name)
      ? await readInOrganization(db, organizationId, (tx) => findServedContent(tx, organizationId, name))
      : undefined
    if (!file) return sendProblem(response, missing)
    destroyOnRevocation(response, keys, viewer.keyId)
    await serveFile(request, response, { storage, organizationId, file, maxAgeSeconds: 31_536_000 })
  }
}

const isRead = ({ method }: IncomingMessage) => method === 'GET' || method === 'HEAD'

/** Answers with a file or a range of it. Its name is a hash of its content, so that it never changes. */
async function serveFile(
  request: IncomingMessage,
  response: ServerResponse,
  {
    storage,
    organizationId,
    file: { sha256, bytes, contentType },
    maxAgeSeconds,
  }: {
    readonly storage: MediaSource
    readonly organizationId: string
    readonly file: ServedFile
    readonly maxAgeSeconds: number
  },
): Promise<void> {
  const tag = `"${sha256}"`
  response.setHeader('etag', tag)
  response.setHeader('accept-ranges', 'bytes')
  response.setHeader('cache-control', `private, max-age=${maxAgeSeconds}, immutable`)
  if (request.headers['if-none-match']?.includes(tag)) return void response.writeHead(304).end()

  const condition = request.headers['if-range']
  const header = condition === undefined || condition === tag ? request.headers.range : undefined
  const range = parseRange(header, bytes)
  if (range === 'unsatisfiable') {
    return sendProblem(response, {
      status: 416,
      code: 'RANGE_NOT_SATISFIABLE',
      message: 'The requested range is outside of the file.',
      headers: { 'content-range': `bytes */${bytes}` },
    })
  }
  const { start, end } = range === 'whole' ? { start: 0, end: bytes - 1 } : range
  response.setHeader('content-type', contentType)
  response.setHeader('content-length', end - start + 1)
  if (range !== 'whole') response.setHeader('content-range', `bytes ${start}-${end}/${bytes}`)
  const status = range === 'whole' ? 200 : 206
  if (request.method === 'HEAD') return void response.writeHead(status).end()
  await send(response, status, () => storage.open(organizationId, sha256, { start, end }))
}

async function send(response: ServerResponse, status: number, open: () => Promise<Readable>): Promise<void> {
  let content: Readable
  try {
    content = await open()
  } catch (error) {
    if (!(error instanceof Error)) throw error
    if (unavailableErrors.has(error.name)) return sendProblem(response, storageUnavailable)
    if (error.name !== 'ObjectMissing') throw error
    return sendProblem(response, missing)
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
  message: 'The storage of the files is unavailable. Send the request again.',
  retryAfterSeconds: 10,
}

const methodNotAllowed: Problem = {
  status: 405,
  code: 'METHOD_NOT_ALLOWED',
  message: 'Files can be read by GET or HEAD only.',
  headers: { allow: 'GET, HEAD' },
}

const missing: Problem = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'The file does not exist, or its address has expired. Query it again.',
}
