import { connect, type Socket } from 'node:net'
import { json } from 'node:stream/consumers'

/**
 * Sends requests over keep-alive connections, one at a time on each, in a process of its own that is told what by JSON on its standard input. Prints the
 * number of responses a second. Every response must have status 200 and the expected text.
 */
export interface Load {
  readonly port: number
  readonly connections: number
  /** How many requests to send. A number makes rounds comparable: a server's code gets faster with each request at first. */
  readonly requests: number
  readonly headers: readonly string[]
  /** Request bodies, used in turn. */
  readonly bodies: readonly string[]
  /** Text that each response must contain. */
  readonly expected: string
}

const load = (await json(process.stdin)) as Load
const requests = load.bodies.map((body) =>
  [
    'POST /graphql HTTP/1.1',
    `host: 127.0.0.1:${load.port}`,
    'content-type: application/json',
    'accept: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...load.headers,
    '',
    body,
  ].join('\r\n'),
)
const latenciesMs: number[] = []
let next = 0

async function send(): Promise<void> {
  const socket = connect(load.port, '127.0.0.1')
  socket.setNoDelay(true)
  const read = reader(socket)
  while (next < load.requests) {
    const request = requests[next % requests.length] ?? ''
    next += 1
    const start = performance.now()
    socket.write(request)
    const response = await read()
    latenciesMs.push(performance.now() - start)
    if (!response.startsWith('HTTP/1.1 200') || !response.includes(load.expected))
      throw new Error(`unexpected response: ${response.slice(0, 500)}`)
  }
  socket.destroy()
}

/** Reads one response with a Content-Length, or in chunks, at a time. */
function reader(socket: Socket): () => Promise<string> {
  let text = ''
  let waiting: { resolve(text: string): void; reject(error: Error): void } | undefined
  const deliver = () => {
    const head = text.indexOf('\r\n\r\n')
    if (head < 0 || !waiting) return
    const length = /content-length: (\d+)/i.exec(text.slice(0, head))?.[1]
    const end = length === undefined ? text.indexOf('\r\n0\r\n\r\n', head) + 7 : head + 4 + Number(length)
    if (end < head || text.length < end) return
    const response = text.slice(0, end)
    text = text.slice(end)
    waiting.resolve(response)
    waiting = undefined
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    text += chunk
    deliver()
  })
  socket.on('error', (error) => waiting?.reject(error))
  socket.on('end', () => waiting?.reject(new Error('the server closed the connection')))
  return () =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject }
      deliver()
    })
}

const start = performance.now()
await Promise.all(Array.from({ length: load.connections }, send))
const sorted = latenciesMs.sort((a, b) => a - b)
const at = (share: number) => sorted[Math.floor(share * sorted.length)] ?? Number.NaN
console.log(
  JSON.stringify({
    perSecond: sorted.length / ((performance.now() - start) / 1_000),
    count: sorted.length,
    p50: at(0.5),
    p99: at(0.99),
  }),
)
