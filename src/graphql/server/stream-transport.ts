import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { ExecutionResult } from 'graphql'
import type { SharedMessage, Transport } from '../events/transport.ts'

/** Keeps proxies from closing an idle stream. Also how often it is checked whether clients read. */
const pingIntervalMs = 12_000

/** The bytes of messages that several streams get. */
const bytesOfMessages = new WeakMap<readonly SharedMessage[], Buffer>()

/** Writes the results of one subscription to an HTTP response as server-sent events. */
export class StreamTransport implements Transport {
  readonly #response: ServerResponse

  constructor(response: ServerResponse) {
    this.#response = response
  }

  get bufferedBytes(): number {
    return this.#response.writableLength
  }

  sendAll(messages: readonly SharedMessage[]): void {
    let bytes = bytesOfMessages.get(messages)
    if (!bytes) {
      bytes = Buffer.from(messages.map(({ text = '' }) => eventOf(text)).join(''))
      bytesOfMessages.set(messages, bytes)
    }
    this.#write(bytes)
  }

  send(text: string): void {
    this.#write(eventOf(text))
  }

  #write(bytes: Buffer | string): void {
    if (!this.#response.destroyed && !this.#response.writableEnded) this.#response.write(bytes)
  }
}

const eventOf = (text: string) => `event: next\ndata: ${text}\n\n`

/** Open streams, with how many bytes the client's side had taken when they were last checked. */
const open = new Map<ServerResponse, number>()
let timer: NodeJS.Timeout | undefined

/**
 * A body whose results are written to the response that it is piped to, and to nothing else. Another writer may write whole events
 * in between: it is handed over when the head was sent, and after each result it waits until the response takes more.
 */
export function createStreamBody(results: AsyncIterator<ExecutionResult>): Readable {
  const body = new Readable({ read: () => undefined })
  body.pipe = <Destination extends NodeJS.WritableStream>(destination: Destination) => {
    void writeResults(destination as unknown as ServerResponse, results) // The server pipes to its response.
    return destination
  }
  return body
}

async function writeResults(
  response: ServerResponse,
  results: AsyncIterator<ExecutionResult>,
): Promise<void> {
  releaseRequest(response)
  open.set(response, 0)
  timer ??= setInterval(checkStreams, pingIntervalMs).unref()
  response.once('close', () => {
    open.delete(response)
    if (open.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
    results.return?.().catch(() => undefined)
  })
  response.write(':\n\n') // Some browsers wait for the first bytes of the body.
  try {
    for (;;) {
      const { value, done } = await results.next()
      if (response.destroyed) return
      if (done) break
      if (!response.write(eventOf(JSON.stringify(value)))) await drained(response)
    }
  } catch (error) {
    response.write(eventOf(JSON.stringify({ errors: [error] })))
  }
  response.end('event: complete\ndata:\n\n')
}

/**
 * Removes what was listening to the request, whose body has been read. Node keeps the request for as long as the response is open, and
 * its listeners would keep the whatwg `Request` with its streams: a quarter of an idle subscriber.
 */
function releaseRequest({ req: request }: ServerResponse): void {
  request.removeAllListeners()
  request.on('error', () => undefined) // The end of the connection is handled where the response closes.
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}

/** Pings idle streams. Destroys those whose client has read nothing since the last check, though there was something to read. */
function checkStreams(): void {
  for (const [response, takenBefore] of open) {
    const { socket, writableLength } = response
    if (writableLength === 0) {
      response.write(':\n\n')
      continue
    }
    const taken = (socket?.bytesWritten ?? 0) - (socket?.writableLength ?? 0)
    if (taken === takenBefore) response.destroy()
    else open.set(response, taken)
  }
}
