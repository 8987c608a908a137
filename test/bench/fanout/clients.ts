import http from 'node:http'
import WebSocket from 'ws'

export interface ClientSettings {
  readonly protocol: 'ws' | 'sse'
  readonly port: number
  readonly count: number
  readonly apiKey: string
}

export type ClientCommand = 'reset' | 'count' | { readonly commits: readonly (readonly [number, number])[] }

export type ClientReport =
  | { readonly kind: 'ready' | 'reset' }
  | { readonly kind: 'count'; readonly count: number; readonly lastAt: number }
  /** From the start of the commit of an event until a subscriber has its message. */
  | { readonly kind: 'latencies'; readonly medianMs: number; readonly p99Ms: number }

const query = 'subscription { events { sequence type occurredAt payload } }'

/** The subscribers of the fan-out bench, in a process of their own. */
const settings: ClientSettings = JSON.parse(process.argv[2] ?? '')
let received: [sequence: number, at: number][] = []

for (let start = 0; start < settings.count; start += 50) {
  const ids = Array.from({ length: Math.min(50, settings.count - start) }, (_, index) => start + index)
  await Promise.all(ids.map(settings.protocol === 'ws' ? openSocket : openStream))
}
answer({ kind: 'ready' })

process.on('disconnect', () => process.exit())
process.on('message', (command: ClientCommand) => {
  if (command === 'reset') {
    received = []
    answer({ kind: 'reset' })
  } else if (command === 'count') {
    answer({ kind: 'count', count: received.length, lastAt: received.at(-1)?.[1] ?? 0 })
  } else {
    const commits = new Map(command.commits)
    const latencies = received
      .flatMap(([sequence, at]) => {
        const committedAt = commits.get(sequence)
        return committedAt === undefined ? [] : [at - committedAt]
      })
      .sort((a, b) => a - b)
    const share = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN
    answer({ kind: 'latencies', medianMs: share(0.5), p99Ms: share(0.99) })
  }
})

function answer(report: ClientReport): void {
  process.send?.(report)
}

/** The same clock in all processes of this machine, in milliseconds. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

function record(text: string): void {
  const at = now()
  let from = text.indexOf('"sequence":')
  while (from >= 0) {
    received.push([Number.parseInt(text.slice(from + 11, from + 24), 10), at])
    from = text.indexOf('"sequence":', from + 11)
  }
}

function openSocket(id: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${settings.port}/graphql`, 'graphql-transport-ws', {
      perMessageDeflate: false,
    })
    socket.on('error', reject)
    socket.on('close', (code) => console.error('closed', code))
    socket.on('open', () =>
      socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: settings.apiKey } })),
    )
    socket.on('message', (data) => {
      const text = String(data)
      if (text.includes('connection_ack')) {
        socket.send(JSON.stringify({ id: `s${id}`, type: 'subscribe', payload: { query } }))
        resolve()
      } else if (text.includes('"error')) console.error(text)
      else record(text)
    })
  })
}

function openStream(): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ query })
    const headers = {
      authorization: `Bearer ${settings.apiKey}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'content-length': Buffer.byteLength(body),
    }
    const options = { host: '127.0.0.1', port: settings.port, path: '/graphql', method: 'POST', headers }
    const request = http.request({ ...options, agent: false }, (response) => {
      if (response.statusCode !== 200) return reject(new Error(`status ${response.statusCode}`))
      response.setEncoding('utf8')
      let rest = ''
      response.on('data', (chunk: string) => {
        const text = rest + chunk
        const end = text.lastIndexOf('\n\n') + 2
        rest = text.slice(end)
        record(text.slice(0, end))
      })
      response.on('end', () => console.error('ended'))
      resolve()
    })
    request.on('error', reject)
    request.end(body)
  })
}
