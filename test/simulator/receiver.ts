import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { parseExactJson } from '../../src/providers/exact-json.ts'

const envelope = z.object({
  client_key: z.string(),
  event: z.string(),
  create_time: z.number(),
  user_openid: z.string(),
  content: z.string(),
})

export interface Received {
  readonly body: string
  readonly signature: string
  /** The event's name without `post.publish.`. */
  readonly event: string
  readonly openId: string
  readonly createTime: number
  /** The inner JSON, as text; `about` is the parsed value. */
  readonly content: string
  readonly about: Readonly<Record<string, unknown>>
}

export interface Receiver {
  readonly url: string
  readonly received: readonly Received[]
  /** The names of the received events in their order. */
  events(): readonly string[]
  /** Sets the status of the answers from now on. */
  answer(status: number): void
}

/** An app's webhook endpoint, on a real socket. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = []
  let status = 200
  const server = createServer(async (request, response) => {
    const parts: Uint8Array[] = []
    for await (const part of request) parts.push(part)
    const body = Buffer.concat(parts).toString('utf8')
    received.push(readBody(body, String(request.headers['tiktok-signature'])))
    response.writeHead(status).end()
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    // The address of a TCP server is an object; only a pipe has a string.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhook`,
    received,
    events: () => received.map(({ event }) => event),
    answer(next) {
      status = next
    },
  }
}

function readBody(body: string, signature: string): Received {
  const parsed = envelope.safeParse(parseJson(body))
  if (!parsed.success) {
    return { body, signature, event: 'unreadable', openId: '', createTime: 0, content: '', about: {} }
  }
  const { event, user_openid: openId, create_time: createTime, content } = parsed.data
  const about = z.record(z.string(), z.unknown()).parse(parseExactJson(content))
  const name = event.replace('post.publish.', '')
  return { body, signature, event: name, openId, createTime, content, about }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
