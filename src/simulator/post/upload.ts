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
import { checkVideo } from './media-check.ts'
import { completePublish, findUpload, savePublish } from './publish-record.ts'
import { checkPut, nextChunkLength } from './put-check.ts'

/**
 * `PUT /video/?upload_id=…&upload_token=…`: accepts only the next chunk.
 *
 * The bytes are written at their offset and count only when the whole chunk has arrived; the next attempt overwrites the
 * rest of a cut connection. Answers have no body and no code, only a status.
 */
export async function upload(context: SimulatorContext, { request, url }: Call): Promise<Reply> {
  if (request.headers.authorization !== undefined) count(context, 'authorizationOnUpload')

  const found = findUpload(context, url.searchParams.get('upload_id') ?? '')
  const check = checkPut(request.headers, found, url.searchParams.get('upload_token'), context.now())
  if (check.kind === 'next') return await acceptChunk(context, check.publish, request)

  await drain(request)
  switch (check.kind) {
    case 'refused':
      return statusOnly(check.status)
    case 'outOfOrder':
      return withRange(context, 416, check.publish)
    case 'repeat':
      return answerRepeat(context, check.publish)
  }
}

async function acceptChunk(
  context: SimulatorContext,
  publish: Publish,
  request: IncomingMessage,
): Promise<Reply> {
  const path = mediaPath(context, publish.publishId)
  const bytes = await writeChunk(request, path, publish.received)
  if (bytes !== nextChunkLength(publish)) return statusOnly(400)
  // The media check comes first: the post is complete with its result in one step.
  const received = publish.received + bytes
  const whole = received === publish.size ? await inspectMedia(context, publish, path) : undefined

  // Meanwhile another connection may have sent the same chunk, or the post may have been stopped.
  const current = context.recordStore.get('publish', publish.publishId) ?? publish
  if (current.stopped) return statusOnly(404)
  if (current.received !== publish.received) return withRange(context, 416, current)

  const stored = whole
    ? completePublish(context, current, { ...whole, received, at: context.now() })
    : { ...current, received }
  savePublish(context, stored)
  count(context, 'puts')
  count(context, 'bytes', bytes)
  return withRange(context, whole ? 201 : 206, stored)
}

/** TikTok's answer to a repeated chunk is not documented, so a setting decides. */
function answerRepeat(context: SimulatorContext, publish: Publish): Reply {
  count(context, 'repeatedChunks')
  if (context.settings().repeatedChunk === 416) return withRange(context, 416, publish)
  return withRange(context, publish.received === publish.size ? 201 : 206, publish)
}

async function writeChunk(request: IncomingMessage, path: string, start: number): Promise<number> {
  await (await open(path, 'a')).close() // `r+` below needs an existing file, and `w` would empty it
  const file = createWriteStream(path, { flags: 'r+', start, highWaterMark: 1 << 20 })
  await pipeline(request, file)
  return file.bytesWritten
}

async function inspectMedia(context: SimulatorContext, publish: Publish, path: string) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  const account = context.recordStore.get('account', publish.openId)
  const { failReason, seconds = Number.POSITIVE_INFINITY } = context.settings().checkMedia
    ? await checkVideo(path, account)
    : {}
  const isCoverMissing = (publish.coverTimestampMs ?? 0) >= seconds * 1000
  return {
    sha256: hash.digest('hex'),
    ...(failReason !== undefined && { mediaFailReason: failReason }),
    ...(isCoverMissing && { coverTimestampMs: 0 }),
  }
}

function statusOnly(status: number): Reply {
  return { status, refusal: `http_${status}` }
}

function withRange(context: SimulatorContext, status: 201 | 206 | 416, { received, size }: Publish): Reply {
  const end = context.settings().rangeHeader === 'count' ? received : Math.max(0, received - 1)
  return {
    status,
    headers: { 'content-range': `bytes 0-${end}/${size}` },
    ...(status === 416 && { refusal: 'http_416' }),
  }
}
