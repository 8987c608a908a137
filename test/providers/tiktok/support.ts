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

/** Starts an HTTP server for the test; answers its URL. */
export async function startServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo // A listening TCP server's address is an object.
  return `http://127.0.0.1:${port}`
}

/** The URL of a port that nothing listens on. */
export async function closedPort(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // As above.
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
  return clientAt(await startServer(listener), options)
}

export function answerWith(
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

export interface RecordedRequest {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** Answers as `answering` does, and records each request. */
export function recording(requests: RecordedRequest[], status: number, body: unknown): RequestListener {
  const answer = answerWith(status, body)
  return (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const { method, url, headers } = request
      requests.push({ method, url, headers, body: Buffer.concat(parts).toString() })
    })
    answer(request, response)
  }
}

/** A chunk of a video of 20 bytes. */
export function chunk(
  first: number,
  last: number,
  body: Chunk['body'] = new Uint8Array(last - first + 1),
): Chunk {
  return { first, last, total: 20, contentType: 'video/mp4', body }
}
