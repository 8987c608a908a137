import { getIntrospectionQuery, parse, validate } from 'graphql'
import { pino } from 'pino'
import { beforeAll, describe, expect, it } from 'vitest'
import { live, welcome } from '../../../src/graphql/graphiql/operations.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTenant, createTestApi, type Tenant, type TestApi } from '../support.ts'

let api: TestApi
let tenant: Tenant
let broken: TestDatabase

beforeAll(async () => {
  const database = await createTestDatabase()
  broken = await createTestDatabase()
  api = await createTestApi(database)
  tenant = await createTenant(database, api)
})

const send = (request: RequestInit, path = '/graphql') =>
  api.fetch(new Request(`http://api.test${path}`, request))
const codes = async (response: Response) => {
  const { errors } = (await response.json()) as {
    errors?: { extensions: { code: string; requestId: string } }[]
  }
  return errors?.map(({ extensions }) => extensions.code) ?? []
}

describe('without a valid API key', () => {
  it.each([
    ['no header', undefined],
    ['a malformed key', 'Bearer nonsense'],
    ['a key with a typo', `Bearer rp_live_000000000000_${'0'.repeat(49)}`],
    ['another scheme', 'Basic cnA6eA=='],
  ])(
    'a request with %s gets 401, also for introspection and invalid documents',
    async (_name, authorization) => {
      for (const query of [
        '{ viewer { __typename } }',
        getIntrospectionQuery(),
        '{ nonsense',
        '{ nonsense }',
      ]) {
        const response = await send({
          method: 'POST',
          headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
          body: JSON.stringify({ query }),
        })
        expect(response.status).toBe(401)
        expect(response.headers.get('www-authenticate')).toBe('Bearer')
        expect(await codes(response)).toEqual(['UNAUTHENTICATED'])
      }
    },
  )

  it('a browser gets GraphiQL, which loads only files of this server', async () => {
    const address = await api.listen(0, '127.0.0.1')
    const response = await fetch(`${address}/graphql`, { headers: { accept: 'text/html' } })
    const page = await response.text()
    expect(response.status).toBe(200)
    expect(page).not.toMatch(/<(script|link)[^>]+(src|href)=["']?https?:/)
    const [script = ''] = /graphiql\/\w+\/page\.js/.exec(page) ?? []
    expect(await (await fetch(`${address}/${script}`)).text()).toContain('subscription Live')
  })
})

describe('an authenticated client', () => {
  it('may introspect the schema, as GraphiQL does', async () => {
    const { __schema } = await tenant.request(getIntrospectionQuery())
    expect(__schema.queryType.name).toBe('Query')
  })

  it('may send the default operations of GraphiQL', async () => {
    const { plans, viewer } = await tenant.request(welcome)
    expect(plans.nodes).toEqual([])
    expect(viewer.organization.name).toBe('Test')
    expect(validate(schema, parse(live))).toEqual([])
  })

  it.each<[string, string]>([
    ['deep', `{ plans { nodes ${'{ slots { nodes { plan '.repeat(8)} { id } ${'} } }'.repeat(8)} } }`],
    ['full of aliases', `{ ${Array.from({ length: 20 }, (_, index) => `a${index}: __typename`).join(' ')} }`],
    ['full of directives', `{ __typename ${'@include(if: true) '.repeat(20)} }`],
    ['long', `{ ${'viewer { __typename } '.repeat(400)} }`],
    [
      'requesting a million items',
      '{ plans(first: 100) { nodes { slots(first: 100) { nodes { job { transitions(first: 100) { nodes { committedAt } } } } } } } }',
    ],
    [
      'an exponential chain of fragments',
      `{ plans { nodes { ...f0 } } } ${Array.from({ length: 24 }, (_, index) => `fragment f${index} on Plan { ...f${index + 1} ...f${index + 1} }`).join(' ')} fragment f24 on Plan { slots { nodes { id } } }`,
    ],
  ])('is refused a document that is %s', async (_name, query) => {
    const response = await tenant.post(query)
    const found = await codes(response)
    expect(found.length).toBeGreaterThan(0)
    expect(found).not.toContain('INTERNAL')
  })

  it('gets at most five validation errors, without suggestions of field names', async () => {
    const response = await tenant.post(
      `{ ${Array.from({ length: 12 }, (_, index) => `plan${index}`).join(' ')} }`,
    )
    const text = await response.text()
    expect(JSON.parse(text).errors.length).toBeLessThanOrEqual(6)
    expect(text).not.toContain('Did you mean')
  })

  it('is refused a request body of more than a megabyte', async () => {
    const response = await tenant.post(`{ __typename } # ${'x'.repeat(1_000_001)}`)
    expect(response.status).toBe(413)
  })

  it('is protected from forms of other sites: text/plain is refused', async () => {
    const response = await send({
      method: 'POST',
      headers: { authorization: `Bearer ${tenant.key}`, 'content-type': 'text/plain' },
      body: '{ __typename }',
    })
    expect(response.status).toBeGreaterThanOrEqual(400)
  })

  it('gets a masked error for a bug, with the request id under which the log has the cause', async () => {
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
    const tenant = await createTenant(broken, await createTestApi(broken, { log }))
    await broken.owner.pool.query('alter table reelpilot.plan rename to gone')
    const response = await tenant.post('{ plans { nodes { id } } }')
    const text = await response.text()
    const requestId = response.headers.get('x-request-id')
    expect(JSON.parse(text)).toMatchObject({
      errors: [{ path: ['plans'], extensions: { code: 'INTERNAL', requestId } }],
    })
    expect(text).not.toContain('relation')
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { requestId, path: 'plans', err: { message: expect.stringContaining('relation') } },
    ])
  })
})
