import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import {
  createTikTokClient,
  type TikTokClient,
  type TikTokClientOptions,
} from '../../../src/providers/tiktok/client.ts'
import type { Chunk } from '../../../src/providers/tiktok/post/put-chunk.ts'
import { Secret } from '../../../src/secret.ts'

export const token = new Secret('act.test')

/** A server that answers whatever a test wants to see judged; its address. */
export async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // a listening TCP server's address is an object
  return `http://127.0.0.1:${port}`
}

/** An address where nobody listens. */
export async function nobody(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // as above
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

export function clientAt(apiBase: string, options: Partial<TikTokClientOptions> = {}): TikTokClient {
  return createTikTokClient({
    apiBase,
    clientKey: 'ck',
    clientSecret: new Secret('cs'),
    deadlineMs: 5000,
    chunkDeadlineMs: 5000,
    ...options,
  })
}

export async function clientOf(
  listener: RequestListener,
  options: Partial<TikTokClientOptions> = {},
): Promise<TikTokClient> {
  return clientAt(await serve(listener), options)
}

export function answering(
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): RequestListener {
  return (request, response) => {
    request.resume().on('end', () => {
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  }
}

export interface Seen {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers as `answering` does, and notes what it was sent. */
export function noting(seen: Seen[], status: number, body: unknown): RequestListener {
  const answer = answering(status, body)
  return (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method, url, headers } = request
      seen.push({ method, url, headers, body: Buffer.concat(parts).toString() })
    })
    answer(request, response)
  }
}

/** A small chunk of a video of 20 bytes. */
export function chunk(
  first: number,
  last: number,
  body: Chunk['body'] = new Uint8Array(last - first + 1),
): Chunk {
  return { first, last, total: 20, contentType: 'video/mp4', body }
}
