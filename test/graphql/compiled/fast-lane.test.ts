import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse } from 'graphql'
import { pino } from 'pino'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { compileQuery } from '../../../src/graphql/compiled/plan.ts'
import { readTrustedDocuments } from '../../../src/graphql/compiled/trusted-documents.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import {
  type Answer,
  createKey,
  createRunningPlan,
  createTenant,
  createTestApi,
  type Tenant,
  type TestApi,
} from '../support.ts'

let database: TestDatabase
let api: TestApi
let port: string
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  const trustedDocuments = new Map([
    ...(await readTrustedDocuments(undefined)),
    ['Own', 'query Own($first: Int!) { jobs(first: $first) { nodes { id state } } }'],
  ])
  api = await createTestApi(database, { trustedDocuments })
  ;({ port } = new URL(await api.listen(0, '127.0.0.1')))
  tenant = await createTenant(database, api)
  await createRunningPlan(tenant, [60, 90, 3 * 24 * 60])
})

interface Sent {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Answer
}

/** A request as the fast lane serves it. */
function send(
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
  key = tenant.key,
): Promise<Sent> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path: '/graphql', method: 'POST' },
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          accept: 'application/json',
          'content-length': Buffer.byteLength(text),
          ...headers,
        },
      },
      (response) => {
        let received = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => {
          received += chunk
        })
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: JSON.parse(received),
          }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(text)
  })
}

/** What both pipelines must have in common. */
function comparable({ status, headers, body }: Sent) {
  const { date: _, 'x-request-id': id, 'ratelimit-remaining': __, 'ratelimit-reset': ___, ...rest } = headers
  const text = JSON.stringify(body).replaceAll(String(id), 'REQUEST')
  return { status, body: JSON.parse(text), headers: { ...rest, 'x-request-id': typeof id } }
}

/** Sends a document until it is known. The first response is the general pipeline's. */
async function both(body: object, key?: string) {
  const general = await send(body, {}, key)
  await send(body, {}, key)
  return { general: comparable(general), lane: comparable(await send(body, {}, key)) }
}

const compiles = (text: string) => compileQuery(schema, parse(text)) !== null

describe('a query that is known', () => {
  it.each<[string, string, object]>([
    [
      'a page',
      'query A($n: Int) { jobs(first: $n) { edges { cursor node { id state tag } } pageInfo { hasNextPage endCursor } } }',
      { n: 2 },
    ],
    [
      'nested lists',
      '{ plans { nodes { name slots(first: 2) { nodes { caption job { state slot { id } account { username } } } } } } }',
      {},
    ],
    [
      'fragments and aliases',
      '{ a: jobs(first: 1) { nodes { ...j } } b: jobs { nodes { ...j } } } fragment j on Job { x: id __typename progress { unit } }',
      {},
    ],
    ['what only an admin may read', '{ viewer { organization { name apiKeys { name scopes } } } }', {}],
    ['the state machines', '{ stateMachine(name: "job") { name version steps states { path tag } } }', {}],
    ['an error of an argument', 'query B($n: Int) { jobs(first: $n) { nodes { id } } }', { n: 1_000 }],
    ['an error within a nullable field', '{ plans { nodes { name slots(first: 0) { nodes { id } } } } }', {}],
    ['a cursor of another list', '{ jobs(after: "bm9uc2Vuc2U") { nodes { id } } }', {}],
    ['null', '{ job(id: "nonsense") { id } }', {}],
  ])('with %s is answered as before', async (_what, query, variables) => {
    expect(compiles(query)).toBe(true)
    const { general, lane } = await both({ query, variables })
    expect(lane).toEqual(general)
  })

  it.each<[string, object]>([
    [
      'a variable of the wrong type',
      { query: 'query C($n: Int) { jobs(first: $n) { nodes { id } } }', variables: { n: 'x' } },
    ],
    ['variables that are no object', { query: '{ jobs { nodes { id } } }', variables: [] }],
    ['another operation name', { query: 'query D { jobs { nodes { id } } }', operationName: 'E' }],
    ['an unknown parameter', { query: '{ jobs { nodes { id } } }', more: 1 }],
    ['a directive', { query: '{ jobs @skip(if: true) { nodes { id } } }' }],
    ['introspection', { query: '{ __schema { queryType { name } } }' }],
    ['no query', { variables: {} }],
    ['an unknown trusted document', { documentId: 'Nope' }],
    ['both a text and a trusted document', { documentId: 'Jobs', query: '{ __typename }' }],
  ])('with %s is answered by the general pipeline', async (_what, body) => {
    const { general, lane } = await both(body)
    expect(lane).toEqual(general)
  })

  it('is forbidden what its key may not read', async () => {
    const { key } = await createKey(database, tenant.organizationId, ['read'])
    const { general, lane } = await both({ query: '{ viewer { organization { apiKeys { name } } } }' }, key)
    expect(lane).toEqual(general)
    expect(lane.body.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }])
  })

  it('sees only its own organization', async () => {
    const other = await createTenant(database, api)
    const body = { query: '{ jobs { nodes { id } } plans { nodes { id } } }' }
    const mine = (await both(body)).lane.body.data
    expect(mine.jobs.nodes.length).toBeGreaterThan(0)
    expect((await send(body, {}, other.key)).body).toEqual({
      data: { jobs: { nodes: [] }, plans: { nodes: [] } },
    })
  })

  it('costs the same, by its variables, and is refused without points', async () => {
    const small = { capacity: 100, refillPerSecond: 1 }
    const broke = await createTestApi(database, { apiBucket: small })
    const address = new URL(await broke.listen(0, '127.0.0.1'))
    const before = port
    port = address.port
    onTestFinished(() => {
      port = before
    })
    const { key } = await createKey(database, tenant.organizationId, ['read'])
    const query = 'query F($n: Int) { jobs(first: $n) { nodes { id state tag } } }'
    const remaining = []
    for (const n of [1, 1, 1, 50, 1])
      remaining.push((await send({ query, variables: { n } }, {}, key)).headers['ratelimit-remaining'])
    const [, first = 0, second = 0, large = 0, last = 0] = remaining.map(Number)
    // A lease may lose a point to rounding, and the bucket regains one each second.
    for (const spent of [first - second, large - last]) expect([0, 1, 2]).toContain(spent)
    expect(second - large).toBeGreaterThan(10)
    for (let index = 0; index < 30; index += 1) await send({ query, variables: { n: 100 } }, {}, key)
    const refused = await send({ query, variables: { n: 100 } }, {}, key)
    expect([refused.status, Number(refused.headers['retry-after'])]).toEqual([429, expect.any(Number)])
    expect(refused.body).toMatchObject({
      errors: [{ extensions: { code: 'RATE_LIMITED', requestId: refused.headers['x-request-id'] } }],
    })
    expect(refused.body.errors[0].extensions).not.toHaveProperty('http')
  })

  it('masks a bug and logs its cause', async () => {
    const broken = await createTestDatabase()
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
    const own = await createTestApi(broken, { log })
    const address = new URL(await own.listen(0, '127.0.0.1'))
    const someone = await createTenant(broken, own)
    const before = port
    port = address.port
    onTestFinished(() => {
      port = before
    })
    const body = { query: '{ plans { nodes { id } } }' }
    await both(body, someone.key)
    await broken.owner.pool.query('alter table reelpilot.plan rename to gone')
    const { headers, body: answer } = await send(body, {}, someone.key)
    const requestId = headers['x-request-id']
    expect(answer).toMatchObject({
      errors: [{ path: ['plans'], extensions: { code: 'INTERNAL', requestId } }],
    })
    expect(JSON.stringify(answer)).not.toContain('relation')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ requestId, path: 'plans' }])
  })

  it('is refused without a valid key', async () => {
    const query = '{ jobs { nodes { id } } }'
    await both({ query })
    const { status, headers, body } = await send({ query }, { authorization: 'Bearer nonsense' })
    expect([status, headers['www-authenticate']]).toEqual([401, 'Bearer'])
    expect(body).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] })
  })

  it('is refused for another host', async () => {
    const { status } = await send({ query: '{ jobs { nodes { id } } }' }, { host: 'evil.test' })
    expect(status).toBe(421)
  })

  it('may be longer than the lane serves, and may not be JSON', async () => {
    const query = '{ viewer { organization { name } } }'
    const long = await send({ query: `${query} # ${'x'.repeat(100_000)}` })
    expect(long.body.data.viewer.organization.name).toBe('Test')
    expect((await send('{')).status).toBe(400)
  })
})

describe('a document that is named', () => {
  it('by the id of a trusted one is executed', async () => {
    const { general, lane } = await both({ documentId: 'Jobs', variables: { first: 1 } })
    expect(lane).toEqual(general)
    expect(lane.body.data.jobs.edges).toHaveLength(1)
    expect((await send({ documentId: 'Own', variables: { first: 2 } })).body.data.jobs.nodes).toHaveLength(2)
  })

  it('by its hash is executed once it was sent with its text', async () => {
    const query = '{ plans { nodes { id name } } }'
    const sha256Hash = createHash('sha256').update(query).digest('hex')
    const extensions = { persistedQuery: { version: 1, sha256Hash } }
    const unknown = await send({ extensions })
    expect(unknown.body.errors).toMatchObject([
      { message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } },
    ])
    const answers = []
    for (const body of [{ query, extensions }, { extensions }, { extensions }, { extensions }])
      answers.push((await send(body)).body)
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(answers[3].data.plans.nodes).toHaveLength(1)
  })

  it('by another hash than its own is refused, and not registered', async () => {
    const query = '{ plans { nodes { name } } }'
    const extensions = { persistedQuery: { version: 1, sha256Hash: 'f'.repeat(64) } }
    expect((await send({ query, extensions })).body.errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT' } },
    ])
    expect((await send({ extensions })).body.errors).toMatchObject([
      { extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } },
    ])
  })

  it('must be valid when the API starts', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-documents-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const file = path.join(directory, 'documents.json')
    await writeFile(file, JSON.stringify({ good: '{ __typename }', bad: '{ nonsense }' }))
    await expect(readTrustedDocuments(file)).rejects.toThrow(
      /"bad" is not valid: Cannot query field "nonsense"/,
    )
    await writeFile(file, '[]')
    await expect(readTrustedDocuments(file)).rejects.toThrow(/must be a JSON object/)
    await expect(readTrustedDocuments(path.join(directory, 'missing'))).rejects.toThrow(/cannot be read/)
    const deep = `{ plans { nodes ${'{ slots { nodes { plan '.repeat(8)} { id } ${'} } }'.repeat(8)} } }`
    await expect(createTestApi(database, { trustedDocuments: new Map([['deep', deep]]) })).rejects.toThrow(
      /"deep" is not valid/,
    )
  })
})
