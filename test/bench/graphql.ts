import { type ChildProcess, fork, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { createApiKey } from '../../src/commands/tenant/create-api-key.ts'
import { jobMachine } from '../../src/definitions/machines.ts'
import { initialCheckpoint } from '../../src/durable/decide.ts'
import type { BenchDatabase } from './bench-database.ts'
import type { Load } from './graphql/load.ts'
import type { Contenders, Form, Peer, Row } from './row.ts'

const jobs = 5_000
const connections = 16

interface Request {
  readonly document: string
  /** The variables of each request, in turn. */
  variables(ids: readonly string[]): readonly object[]
  /** Text that every response contains. */
  readonly expected: string
  readonly requests: Readonly<Record<Form, number>>
}

const oneJob: Request = {
  document: 'query BenchJob($id: ID!) { job(id: $id) { id state tag revision createdAt updatedAt } }',
  variables: (ids) => ids.map((id) => ({ id: Buffer.from(`Job:${id}`).toString('base64url') })),
  expected: '"state":"queued"',
  requests: { full: 10_000, quick: 3_000 },
}
const page: Request = {
  document: `query BenchJobs($first: Int!) { jobs(first: $first) {
    edges { cursor node { id state tag revision createdAt updatedAt } } pageInfo { hasNextPage endCursor }
  } }`,
  variables: () => Array.from({ length: 500 }, () => ({ first: 50 })),
  expected: '"hasNextPage":true',
  requests: { full: 3_000, quick: 800 },
}

const peersOf = (figure: string): readonly Peer[] =>
  ['postgraphile 5 (amber)', 'mercurius jit + pg prepared', 'yoga+pothos+kysely (default)'].map(
    (contender) => ({
      name: contender,
      file: 'bench/06-graphql.mjs',
      preparedBy: 'ceiling: node:http, no database',
      contender,
      figure,
    }),
  )

/** The whole server with its key, its charge and row-level security, over keep-alive connections; trusted documents by their ids. */
export const graphqlJob: Row = {
  name: 'GraphQL, one job by id',
  unit: 'requests/s',
  better: 'higher',
  goal: 0.6,
  peers: peersOf('one rps'),
  open: (database, form) => open(database, form, oneJob),
}

export const graphqlPage: Row = {
  name: 'GraphQL, a page of 50 jobs',
  unit: 'requests/s',
  better: 'higher',
  goal: 0.7,
  peers: peersOf('list rps'),
  open: (database, form) => open(database, form, page),
}

async function open(
  database: BenchDatabase,
  form: Form,
  { document, variables, expected, requests }: Request,
): Promise<Contenders> {
  const { key, ids } = await seed(database)
  const start = (variant: 'bare' | 'product') => startServer(variant, database, document)
  const [bare, product] = [await start('bare'), await start('product')]
  /** The server's processor time for a request, which a busy machine distorts least. */
  const cpuMicros = { bare: Number.NaN, product: Number.NaN }

  const measure = async (variant: 'bare' | 'product', params: (index: number) => object): Promise<number> => {
    const server = variant === 'bare' ? bare : product
    const before = await server.cpu()
    const { perSecond, count } = await shoot({
      port: server.port,
      connections,
      requests: requests[form],
      headers: [`authorization: Bearer ${key}`],
      bodies: variables(ids).map((each, index) => JSON.stringify({ ...params(index), variables: each })),
      expected,
    })
    cpuMicros[variant] = ((await server.cpu()) - before) / count
    return perSecond
  }
  let trustedMicros = Number.NaN
  return {
    product: async () => {
      const rate = await measure('product', () => ({ documentId: 'bench' }))
      trustedMicros = cpuMicros.product
      return rate
    },
    limit: () => measure('bare', () => ({ query: document })),
    others: {
      'an ad hoc document, sent as text': () => measure('product', () => ({ query: document })),
      'another text in each request': () =>
        measure('product', (index) => ({ query: `${document} # ${index} ${randomUUID()}` })),
      'processor time of the product, µs': async () => trustedMicros,
      'processor time of the limit, µs': async () => cpuMicros.bare,
    },
    async close() {
      await Promise.all([bare.stop(), product.stop()])
    },
  }
}

async function seed({ runtime, organizationId }: BenchDatabase) {
  const created = await runtime.db
    .transaction()
    .execute((tx) => createApiKey(tx, { organizationId, name: 'Bench', scopes: ['read'] }))
  if (created.kind !== 'done') throw new Error(created.kind)
  const input = {
    slotId: organizationId,
    accountId: organizationId,
    publishAt: Date.now(),
    scenes: 5,
    seconds: 30,
  }
  const checkpoint = initialCheckpoint(jobMachine, input, { at: Date.now(), key: 'bench', epoch: null })
  const { rows } = await runtime.pool.query(
    `insert into reelpilot.machine_instance
       (id, organization_id, machine, version, state, tag, context, step, timers, revision, wake_at, created_at, updated_at)
     select gen_random_uuid(), $1, 'job', $2, $3, $4, $5, $6, $7, 1, now(), now() - n * interval '1 second', now()
       from generate_series(1, $8::int) n
     returning id`,
    [
      organizationId,
      checkpoint.version,
      checkpoint.state,
      checkpoint.tag,
      JSON.stringify(checkpoint.context),
      JSON.stringify(checkpoint.step),
      JSON.stringify(checkpoint.timers),
      jobs,
    ],
  )
  return { key: created.key, ids: rows.slice(0, 1_000).map(({ id }) => String(id)) }
}

async function startServer(
  variant: 'bare' | 'product',
  { url, organizationId }: BenchDatabase,
  document: string,
) {
  const settings = JSON.stringify({ variant, url, organizationId, document })
  const child = fork(path.join(import.meta.dirname, 'graphql/server.ts'), [settings])
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  return {
    port,
    cpu: () => cpuOf(child),
    stop: async () => {
      child.disconnect()
      await once(child, 'exit')
    },
  }
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu')
  const [{ cpu }] = (await once(child, 'message')) as [{ cpu: NodeJS.CpuUsage }]
  return cpu.user + cpu.system
}

async function shoot(load: Load): Promise<{ readonly perSecond: number; readonly count: number }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'graphql/load.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(load))
  return (await json(child.stdout)) as Awaited<ReturnType<typeof shoot>>
}
