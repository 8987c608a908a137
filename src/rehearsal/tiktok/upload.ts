import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { drain } from './body.ts'
import { idCount } from './progress.ts'
import type { Publish } from './record.ts'
import type { Reply } from './reply.ts'
import { snowflake } from './video-init.ts'
import { type Call, count, keptBytes, type World } from './world.ts'

/**
 * `PUT /video/?upload_id=…&upload_token=…`: takes the next chunk, and no other.
 *
 * The bytes stream to their place in the file and count only when all of the chunk is there; what a cut connection left
 * behind is overwritten by the next attempt. There is no body in any answer, and no code: the status says it all.
 */
export async function upload(world: World, { request, url }: Call): Promise<Reply> {
  if (request.headers.authorization !== undefined) count(world, 'authorizationOnUpload')

  const publish = world.book.all('publish').find((row) => row.uploadId === url.searchParams.get('upload_id'))
  const refused = refusalOf(world, request, publish, url.searchParams.get('upload_token'))
  if (refused || !publish) {
    await drain(request)
    return refused ?? bare(404)
  }

  const path = keptBytes(world, publish.publishId)
  const bytes = await store(request, path, publish.received)
  if (bytes !== chunkLength(publish)) return bare(400)
  // Hashed before it counts: from the moment that it counts, all of it is true.
  const isLast = publish.received + bytes === publish.size
  const sha256 = isLast ? await hashFile(path) : undefined

  // While this chunk arrived, the same one may have come in on another connection.
  const current = world.book.get('publish', publish.publishId) ?? publish
  if (current.received !== publish.received) return ranged(world, 416, current)

  const stored: Publish = { ...publish, received: publish.received + bytes }
  const done = sha256 === undefined ? stored : completed(world, stored, sha256)
  world.book.put('publish', publish.publishId, done)
  count(world, 'puts')
  count(world, 'bytes', bytes)
  return ranged(world, isLast ? 201 : 206, done)
}

function refusalOf(
  world: World,
  request: IncomingMessage,
  publish: Publish | undefined,
  token: string | null,
): Reply | undefined {
  if (!publish || publish.uploadToken !== token) return bare(404)
  if (world.now() >= publish.uploadExpiresAt) return bare(403)

  const { headers } = request
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers['content-range'] ?? '')
  const [first, last, total] = (range?.slice(1) ?? []).map(Number)
  if (first === undefined || last === undefined || total !== publish.size) return bare(400)
  if (Number(headers['content-length']) !== last - first + 1) return bare(400)
  if (!contentTypes.has(headers['content-type'] ?? '') || headers.authorization !== undefined)
    return bare(400)

  const isNext = first === publish.received && last - first + 1 === chunkLength(publish)
  return isNext ? undefined : ranged(world, 416, publish)
}

const contentTypes: ReadonlySet<string> = new Set(['video/mp4', 'video/quicktime', 'video/webm'])

/** Of the chunk that is due: the last one carries the remainder, and after it nothing is due. */
function chunkLength({ received, size, chunkSize, chunkCount }: Publish): number {
  return received === (chunkCount - 1) * chunkSize ? size - received : Math.min(chunkSize, size - received)
}

async function store(request: IncomingMessage, path: string, start: number): Promise<number> {
  await (await open(path, 'a')).close() // `r+` below wants a file, `w` would empty it
  const file = createWriteStream(path, { flags: 'r+', start, highWaterMark: 1 << 20 })
  await pipeline(request, file)
  return file.bytesWritten
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

function completed(world: World, publish: Publish, sha256: string): Publish {
  const now = world.now()
  const postIds = Array.from({ length: idCount(publish) }, () => snowflake(now))
  return { ...publish, completedAt: now, sha256, postIds }
}

function bare(status: number): Reply {
  return { status, refusal: `http_${status}` }
}

function ranged(world: World, status: 201 | 206 | 416, { received, size }: Publish): Reply {
  const end = world.knobs().rangeHeader === 'count' ? received : Math.max(0, received - 1)
  return {
    status,
    headers: { 'content-range': `bytes 0-${end}/${size}` },
    ...(status === 416 && { refusal: 'http_416' }),
  }
}
