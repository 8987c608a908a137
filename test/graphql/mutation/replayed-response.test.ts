import { createClient } from 'graphql-ws'
import { sql } from 'kysely'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { inOrganization } from '../../../src/store/database.ts'
import { claimKey } from '../../../src/store/tenant/idempotency-keys.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import {
  clientFor,
  createKey,
  createTenant,
  createTestApi,
  mutate,
  type Tenant,
  type TestApi,
} from '../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  tenant = await createTenant(database, api)
})

const create = `mutation ($input: CreatePlanInput!) { createPlan(input: $input) { __typename
  ... on CreatePlanPayload { plan { id name revision updatedAt } }
  ... on Error { code message } ... on IdempotencyInProgressError { retryAfterSeconds } } }`
const input = (idempotencyKey: string, name = 'First') => ({
  input: { accountId: tenant.ids.account, name, timeZone: 'UTC', idempotencyKey },
})
const rowsOf = async (key: string) =>
  (await database.owner.pool.query('select * from reelpilot.idempotency_key where key = $1', [key])).rows

describe('replaying the first response of a mutation', () => {
  it('returns the same bytes after the data has changed, with the header Idempotent-Replayed', async () => {
    const first = await tenant.post(create, input('words'))
    const words = await first.text()
    const { id } = JSON.parse(words).data.createPlan.plan
    await mutate(tenant, 'updatePlan', { planId: id, name: 'Second' }, 'plan { id }')

    const replayed = await tenant.post(create, input('words'))
    expect(await replayed.text()).toBe(words)
    expect([first, replayed].map(({ headers }) => headers.get('idempotent-replayed'))).toEqual([null, 'true'])
  })

  it('resolves other requested fields from the current data, without another effect', async () => {
    const { createPlan: first } = await tenant.request(create, input('fields'))
    await mutate(tenant, 'updatePlan', { planId: first.plan.id, name: 'Second' }, 'plan { id }')
    const less = `mutation ($input: CreatePlanInput!) {
      createPlan(input: $input) { ... on CreatePlanPayload { plan { id name } } } }`
    const answer = await tenant.post(less, input('fields'))
    expect(answer.headers.get('idempotent-replayed')).toBe('true')
    expect(await answer.json()).toEqual({
      data: { createPlan: { plan: { id: first.plan.id, name: 'Second' } } },
    })
    // The first request still gets its stored response.
    expect(await tenant.request(create, input('fields'))).toEqual({ createPlan: first })
  })

  it('lists the replayed fields in the extensions when a request has several mutations', async () => {
    const twice = `mutation ($a: CreatePlanInput!, $b: CreatePlanInput!) { ...Both }
      fragment Both on Mutation {
        __typename
        a: createPlan(input: $a) { ... on CreatePlanPayload { plan { id } } }
        b: createPlan(input: $b) { ... on CreatePlanPayload { plan { id } } } }`
    const of = (a: string, b: string) => ({ a: input(a).input, b: input(b).input })
    const first = await (await tenant.post(twice, of('one', 'two'))).json()
    expect(first).toEqual({
      data: {
        __typename: 'Mutation',
        a: { plan: { id: expect.any(String) } },
        b: { plan: { id: expect.any(String) } },
      },
    })
    expect(await (await tenant.post(twice, of('one', 'two'))).json()).toEqual({
      ...first,
      extensions: { idempotentReplayed: ['a', 'b'] },
    })
    const half = await tenant.post(twice, of('one', 'three'))
    expect(half.headers.get('idempotent-replayed')).toBe('true')
    expect(await half.json()).toMatchObject({ extensions: { idempotentReplayed: ['a'] } })
  })

  it('lists the replayed fields in the extensions over WebSocket', async () => {
    const address = await api.listen(0, '127.0.0.1')
    const client = createClient({
      url: `${address.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { apiKey: tenant.key },
    })
    const send = async () =>
      (await client.iterate({ query: create, variables: input('socket') }).next()).value
    const first = await send()
    expect(first).toEqual({
      data: { createPlan: expect.objectContaining({ __typename: 'CreatePlanPayload' }) },
    })
    expect(await send()).toEqual({ ...first, extensions: { idempotentReplayed: ['createPlan'] } })
    await client.dispose()
  })

  it('is refused to an API key without the scope of the mutation', async () => {
    await tenant.request(create, input('reader'))
    const { key } = await createKey(database, tenant.organizationId, ['read'])
    const reader = clientFor(api, tenant.organizationId, tenant.accountId, key)
    const answer = await reader.post(create, input('reader'))
    expect(await answer.json()).toMatchObject({ data: null, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    expect(answer.headers.get('idempotent-replayed')).toBeNull()
  })

  it('an error in the response rolls the mutation and its key back', async () => {
    const strange = `mutation ($input: CreatePlanInput!) { createPlan(input: $input) {
      ... on CreatePlanPayload { plan { id slots(after: "nonsense") { nodes { id } } } } } }`
    const answer = await (await tenant.post(strange, input('strange', 'Strange'))).json()
    expect(answer).toMatchObject({
      data: null,
      errors: [{ path: ['createPlan', 'plan', 'slots'], extensions: { code: 'BAD_USER_INPUT' } }],
    })
    const { rowCount } = await database.owner.pool.query(`select from reelpilot.plan where name = 'Strange'`)
    expect(rowCount).toBe(0)
    expect(await rowsOf('strange')).toEqual([])
  })
})

describe('a concurrent request with the same idempotency key', () => {
  const waiters = async () =>
    (
      await database.owner.pool.query(`select from pg_stat_activity where wait_event = 'transactionid'
        and datname = current_database() and query like '%claim_idempotency_key%'`)
    ).rowCount
  /** Claims the key in a transaction of another process and keeps it open. */
  const claimKeyElsewhere = async (key: string) => {
    const other = await database.owner.pool.connect()
    await other.query('begin')
    await other.query(
      `insert into reelpilot.idempotency_key (organization_id, key, fingerprint, expires_at)
       values ($1, $2, '', now() + interval '1 hour')`,
      [tenant.organizationId, key],
    )
    return other
  }

  it('gets IdempotencyInProgressError after its timeout and has no effect', async () => {
    const other = await claimKeyElsewhere('held')
    const answer = await tenant.post(create, input('held'))
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await answer.json()).toMatchObject({
      data: {
        createPlan: {
          __typename: 'IdempotencyInProgressError',
          code: 'IDEMPOTENCY_IN_PROGRESS',
          retryAfterSeconds: 1,
        },
      },
    })
    await other.query('rollback')
    other.release()
    expect((await tenant.request(create, input('held'))).createPlan.plan.name).toBe('First')
  })

  it('waits in its process: thirty of them use one connection and do not block other requests', async () => {
    const other = await claimKeyElsewhere('crowd')
    const crowd = Array.from({ length: 30 }, () => tenant.post(create, input('crowd')))
    await waitUntil(waiters, (count) => count === 1)
    // The API has ten connections here.
    const queries = Array.from({ length: 10 }, () => tenant.request('{ viewer { organization { id } } }'))
    expect(new Set((await Promise.all(queries)).map(({ viewer }) => viewer.organization.id)).size).toBe(1)
    expect(await waiters()).toBe(1)
    await other.query('rollback')
    other.release()
    const answers = await Promise.all(crowd)
    expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1)
    expect(answers.filter(({ headers }) => !headers.has('idempotent-replayed'))).toHaveLength(1)
  })

  it('leaves the lock timeout of the command unchanged', async () => {
    const { rows: defaults } = await sql<{ lock_timeout: string }>`show lock_timeout`.execute(database.api.db)
    const limit = await inOrganization(database.api.db, tenant.organizationId, async (tx) => {
      const request = {
        organizationId: tenant.organizationId,
        key: 'limit',
        fingerprint: Buffer.of(1),
        minutes: 1,
      }
      expect(await claimKey(tx, request)).toEqual({ kind: 'new' })
      return (await sql<{ lock_timeout: string }>`show lock_timeout`.execute(tx)).rows
    })
    expect(limit).toEqual(defaults)
    expect(defaults).toEqual([{ lock_timeout: '8s' }])
  })
})
