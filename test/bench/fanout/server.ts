import { createServer } from 'node:http'
import pg from 'pg'
import { WebSocketServer } from 'ws'
import { accountMachine, breakerMachine, jobMachine, planMachine } from '../../../src/definitions/machines.ts'
import { catalogueOf } from '../../../src/durable/machine.ts'
import { createApi } from '../../../src/graphql/server/server.ts'
import { createLogger } from '../../../src/logger.ts'
import { createBoss } from '../../../src/queue/boss.ts'
import { createPostgresLimiter } from '../../../src/rate-limit/postgres/postgres-limiter.ts'
import { connect } from '../../../src/store/database.ts'
import { createChangeNotifier } from '../../../src/store/event/notify.ts'
import { createLimitSettingsCache } from '../../../src/tiktok-policy/limit-settings.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { createSigner } from '../../../src/vault/signer.ts'

export interface ServerSettings {
  readonly variant: 'product' | 'bare'
  readonly databaseUrl: string
  readonly organizationId: string
}

export interface ServerReport {
  readonly port: number
  readonly cpuMs: number
  readonly heapBytes: number
}

/** One server process of the fan-out bench. It reports its port, its processor time and, after a collection, its heap. */
const settings: ServerSettings = JSON.parse(process.argv[2] ?? '')
const port = settings.variant === 'product' ? await serveProduct() : await serveBare()

process.on('disconnect', () => process.exit())
process.on('message', () => report())
report()

function report(): void {
  for (let index = 0; index < 3; index += 1) globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  const answer: ServerReport = {
    port,
    cpuMs: (user + system) / 1_000,
    heapBytes: process.memoryUsage().heapUsed,
  }
  process.send?.(answer)
}

async function serveProduct(): Promise<number> {
  const { databaseUrl } = settings
  const options = { max: 10, name: 'bench', onError: console.error }
  const api = connect(databaseUrl, 'reelpilot_api', options)
  const runtime = connect(databaseUrl, 'reelpilot_runtime', options)
  const server = await createApi({
    connection: api,
    databaseUrl,
    deps: {
      boss: createBoss({
        url: databaseUrl,
        role: 'reelpilot_api',
        name: 'bench',
        supervises: false,
        onError: console.error,
      }),
      machines: catalogueOf([jobMachine, planMachine, accountMachine, breakerMachine]),
    },
    authorization: {
      start: () => {
        throw new Error('not measured')
      },
      authorizeUrl: () => '',
    } as never, // Subscriptions connect no accounts.
    notifications: createChangeNotifier(api),
    signer: createSigner(() => keyRingOf([Buffer.alloc(32, 1)])),
    storage: { open: () => Promise.reject(new Error('not measured')) },
    limiter: createPostgresLimiter({ db: api.db, role: 'reelpilot_api' }),
    limitSettings: createLimitSettingsCache(runtime.db),
    apiBucket: { capacity: 1_000_000, refillPerSecond: 100_000 },
    log: createLogger('error', false),
    accountsLackingKey: async () => new Set(),
    checkReadiness: async () => ({ ok: true, checks: {} }),
    socketLimits: { sockets: 20_000, socketsPerOrganization: 20_000, operationsPerSocket: 20 },
  })
  return Number(new URL(await server.listen(0, '127.0.0.1')).port)
}

/** The least that fan-out costs: LISTEN, read the new rows, write each to all. No authentication, no GraphQL, no limits. */
async function serveBare(): Promise<number> {
  const { databaseUrl, organizationId } = settings
  const sockets = new Set<{ readonly prefix: string; send(text: string): void }>()
  const responses = new Set<{ write(text: string): unknown }>()
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.socket?.setNoDelay(true)
    response.write(':\n\n')
    responses.add(response)
    response.on('close', () => responses.delete(response))
  })
  const upgrades = new WebSocketServer({ server, perMessageDeflate: false })
  upgrades.on('connection', (socket) => {
    socket.on('message', (text) => {
      const { type, id } = JSON.parse(String(text))
      if (type === 'connection_init') return socket.send('{"type":"connection_ack"}')
      const entry = {
        prefix: `{"id":${JSON.stringify(id)},"type":"next","payload":`,
        send: (message: string) => socket.send(message),
      }
      sockets.add(entry)
      socket.on('close', () => sockets.delete(entry))
    })
  })

  const listener = new pg.Client(databaseUrl)
  const reader = new pg.Client(databaseUrl)
  await Promise.all([listener.connect(), reader.connect()])
  let last = -1
  let isReading = false
  let isStale = false
  const read = async () => {
    isStale = true
    if (isReading) return
    isReading = true
    while (isStale) {
      isStale = false
      const { rows } = await reader.query({
        name: 'events',
        text: `select sequence, type, at as "occurredAt", payload from reelpilot.event
                where organization_id = $1 and sequence > $2 order by sequence`,
        values: [organizationId, last],
      })
      for (const row of rows) {
        last = Number(row.sequence)
        const payload = JSON.stringify({ data: { events: { ...row, sequence: last } } })
        const event = `event: next\ndata: ${payload}\n\n`
        for (const { prefix, send } of sockets) send(`${prefix}${payload}}`)
        for (const response of responses) response.write(event)
      }
    }
    isReading = false
  }
  listener.on('notification', () => void read())
  await listener.query('listen reelpilot')
  await read()
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}
