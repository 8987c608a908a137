import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { stringify } from 'lossless-json'
import type { Reply } from './reply.ts'

/** Writes a reply. `corrupt` is the change that a fault makes to its body. */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  corrupt: (body: string) => string = (body) => body,
): Promise<void> {
  if (reply.file) return writeFile(response, reply.file)

  const [type, body] = reply.text
    ? [reply.text.type, reply.text.body]
    : ['application/json', reply.json === undefined ? '' : (stringify(reply.json) ?? '')]
  response.writeHead(reply.status, {
    ...(body && { 'content-type': `${type}; charset=utf-8` }),
    ...reply.headers,
  })
  response.end(corrupt(body))
}

// Browsers request videos in ranges; Safari requires them.
async function writeFile(response: ServerResponse, file: NonNullable<Reply['file']>): Promise<void> {
  const { size } = await stat(file.path)
  const range = /^bytes=(\d+)-(\d*)$/.exec(file.range ?? '')
  const start = Math.min(Number(range?.[1] ?? 0), size - 1)
  const end = Math.min(Number(range?.[2] || size - 1), size - 1)
  response.writeHead(range ? 206 : 200, {
    'content-type': file.type,
    'content-length': Math.max(0, end - start + 1),
    'accept-ranges': 'bytes',
    ...(range && { 'content-range': `bytes ${start}-${end}/${size}` }),
  })
  await pipeline(createReadStream(file.path, { start, end }), response)
}
