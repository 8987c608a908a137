import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { mediaPath } from '../dependencies.ts'
import { drain } from '../http/body.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import type { Publish } from '../record.ts'
import { videoFault } from './media-check.ts'
import { completed, keepPublish, uploadOf } from './publish-record.ts'
import { chunkLength, judgePut } from './put-check.ts'

/**
 * `PUT /video/?upload_id=…&upload_token=…`: takes the next chunk, and no other.
 *
 * The bytes stream to their place in the file and count only when all of the chunk is there; what a cut connection left
 * behind is overwritten by the next attempt. There is no body in any answer, and no code: the status says it all.
 */
export async function upload(context: SimulatorContext, { request, url }: Call): Promise<Reply> {
  if (request.headers.authorization !== undefined) count(context, 'authorizationOnUpload')

  const found = uploadOf(context, url.searchParams.get('upload_id') ?? '')
  const verdict = judgePut(request.headers, found, url.searchParams.get('upload_token'), context.now())
  if (verdict.kind === 'next') return await take(context, verdict.publish, request)

  await drain(request)
  switch (verdict.kind) {
    case 'refused':
      return bare(verdict.status)
    case 'outOfStep':
      return ranged(context, 416, verdict.publish)
    case 'repeat':
      return repeated(context, verdict.publish)
  }
}

async function take(context: SimulatorContext, publish: Publish, request: IncomingMessage): Promise<Reply> {
  const path = mediaPath(context, publish.publishId)
  const bytes = await store(request, path, publish.received)
  if (bytes !== chunkLength(publish)) return bare(400)
  // Looked at before it counts: from the moment that it counts, all of it is true.
  const received = publish.received + bytes
  const whole = received === publish.size ? await examine(context, publish, path) : undefined

  // While this chunk arrived, the same one may have come in on another connection, or its post been stopped.
  const current = context.recordStore.get('publish', publish.publishId) ?? publish
  if (current.stopped) return bare(404)
  if (current.received !== publish.received) return ranged(context, 416, current)

  const stored = whole
    ? completed(context, current, { ...whole, received, at: context.now() })
    : { ...current, received }
  keepPublish(context, stored)
  count(context, 'puts')
  count(context, 'bytes', bytes)
  return ranged(context, whole ? 201 : 206, stored)
}

/** What the real one does with a repeat is not documented; the setting has both. */
function repeated(context: SimulatorContext, publish: Publish): Reply {
  count(context, 'repeatedChunks')
  if (context.settings().repeatedChunk === 416) return ranged(context, 416, publish)
  return ranged(context, publish.received === publish.size ? 201 : 206, publish)
}

async function store(request: IncomingMessage, path: string, start: number): Promise<number> {
  await (await open(path, 'a')).close() // `r+` below wants a file, `w` would empty it
  const file = createWriteStream(path, { flags: 'r+', start, highWaterMark: 1 << 20 })
  await pipeline(request, file)
  return file.bytesWritten
}

async function examine(context: SimulatorContext, publish: Publish, path: string) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  const account = context.recordStore.get('account', publish.openId)
  const fault = context.settings().checkMedia ? await videoFault(path, account) : undefined
  return { sha256: hash.digest('hex'), ...(fault !== undefined && { mediaFault: fault }) }
}

function bare(status: number): Reply {
  return { status, refusal: `http_${status}` }
}

function ranged(context: SimulatorContext, status: 201 | 206 | 416, { received, size }: Publish): Reply {
  const end = context.settings().rangeHeader === 'count' ? received : Math.max(0, received - 1)
  return {
    status,
    headers: { 'content-range': `bytes 0-${end}/${size}` },
    ...(status === 416 && { refusal: 'http_416' }),
  }
}
