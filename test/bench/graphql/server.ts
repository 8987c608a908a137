import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import pg from 'pg'
import { accountMachine, breakerMachine, jobMachine, planMachine } from '../../../src/definitions/machines.ts'
import { catalogueOf } from '../../../src/durable/machine.ts'
import { createApi } from '../../../src/graphql/server/server.ts'
import { createLogger } from '../../../src/logger.ts'
import { createDiskStorage } from '../../../src/providers/storage/disk-storage.ts'
import { createBoss } from '../../../src/queue/boss.ts'
import { startLimiter } from '../../../src/rate-limit/start-limiter.ts'
import { connect } from '../../../src/store/database.ts'
import { createChangeNotifier } from '../../../src/store/event/notify.ts'
import { createLimitSettingsCache } from '../../../src/tiktok-policy/limit-settings.ts'
import { keyRingOf } from '../../../src/vault/key-ring.ts'
import { createSigner } from '../../../src/vault/signer.ts'

/** A server under load, in a process of its own: `node server.ts SETTINGS`. Sends its port, and on request its CPU time. */
const { variant, url, organizationId, document } = JSON.parse(process.argv[2] ?? '')

/** The least that the two requests can cost from Node: parse the body, one prepared statement, write the JSON. */
async function serveBare(): Promise<number> {
  const pool = new pg.Pool({ connectionString: url, max: 10, options: '-c search_path=reelpilot' })
  const one = `select id, state, tag, revision, created_at, updated_at from machine_instance where id = $1`
  const page = `select id, state, tag, revision, created_at, updated_at from machine_instance
    where organization_id = $1 and machine = 'job' order by created_at desc, id desc limit $2`
  const nodeOf = (row: Record<string, unknown>) => ({
    id: row.id,
    state: row.state,
    tag: row.tag,
    revision: Number(row.revision),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  })
  const cursorOf = (row: { created_at: Date; id: string }) =>
    Buffer.from(`${row.created_at.toISOString()} ${row.id}`).toString('base64url')
  const answer = async (text: string): Promise<string> => {
    const { variables } = JSON.parse(text)
    if (variables.first === undefined) {
      const id = Buffer.from(variables.id, 'base64url').toString().slice(4)
      const { rows } = await pool.query({ name: 'one', text: one, values: [id] })
      return JSON.stringify({ data: { job: nodeOf(rows[0]) } })
    }
    const size = variables.first
    const { rows } = await pool.query({
      name: 'page',
      text: page,
      values: [organizationId, size + 1],
    })
    const edges = rows.slice(0, size).map((row) => ({ cursor: cursorOf(row), node: nodeOf(row) }))
    const pageInfo = { hasNextPage: rows.length > size, endCursor: edges.at(-1)?.cursor }
    return JSON.stringify({ data: { jobs: { edges, pageInfo } } })
  }
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', async () => {
      const json = await answer(text)
      response.writeHead(200, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(json),
      })
      response.end(json)
    })
  }
  const server = createServer(handle)
  return await new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : 0)
    })
  })
}

/** The API as it runs in production. */
async function serveProduct(): Promise<number> {
  const connection = connect(url, 'reelpilot_api', { max: 10, name: 'bench api', onError: console.error })
  const boss = createBoss({
    url,
    role: 'reelpilot_api',
    name: 'bench queue',
    supervises: false,
    onError: console.error,
  })
  await boss.start()
  const refuse = () => {
    throw new Error('not measured')
  }
  const api = await createApi({
    connection,
    databaseUrl: url,
    deps: { boss, machines: catalogueOf([jobMachine, planMachine, accountMachine, breakerMachine]) },
    authorization: { start: refuse } as never,
    notifications: createChangeNotifier(connection),
    signer: createSigner(() => keyRingOf([Buffer.alloc(32, 1)])),
    storage: await createDiskStorage({ directory: tmpdir() }),
    limiter: await startLimiter({ db: connection.db, role: 'reelpilot_api', onError: console.error }),
    limitSettings: createLimitSettingsCache(connection.db),
    apiBucket: { capacity: 1_000_000, refillPerSecond: 1_000_000 },
    log: createLogger('error', false),
    trustedDocuments: new Map([['bench', document]]),
    accountsLackingKey: async () => new Set(),
    checkReadiness: async () => ({ ok: true }),
  })
  return Number(new URL(await api.listen(0, '127.0.0.1')).port)
}

process.send?.({ port: await (variant === 'bare' ? serveBare() : serveProduct()) })
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }))
process.on('disconnect', () => process.exit())
