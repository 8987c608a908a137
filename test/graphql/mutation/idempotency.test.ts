import { beforeAll, describe, expect, it } from 'vitest'
import { prune } from '../../../src/store/prune.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTenant, createTestApi, type Tenant, type TestApi } from '../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  tenant = await createTenant(database, api)
})

const create = `mutation ($input: CreatePlanInput!) { createPlan(input: $input) { __typename
  ... on CreatePlanPayload { plan { id name } } ... on Error { code } } }`
const input = (name: string, idempotencyKey?: string) => ({
  input: { accountId: tenant.ids.account, name, timeZone: 'UTC', idempotencyKey },
})
const count = async (statement: string, value: string) =>
  Number((await database.owner.pool.query(statement, [value])).rows[0].count)
const countPlans = (name: string) => count('select count(*) from reelpilot.plan where name = $1', name)
const countKeys = (key: string) => count('select count(*) from reelpilot.idempotency_key where key = $1', key)
const expire = (key: string, ago: string) =>
  database.owner.pool.query(
    'update reelpilot.idempotency_key set expires_at = now() - $2::interval where key = $1',
    [key, ago],
  )
describe('a mutation with an idempotency key', () => {
  it('has one effect and one response when many are sent at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => tenant.post(create, input('Parallel', 'parallel'))),
    )
    expect(new Set(await Promise.all(answers.map((answer) => answer.text()))).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1)
    expect(await countPlans('Parallel')).toBe(1)
  })

  it('reads the key from the header, quoted or bare, and marks the replay', async () => {
    const first = await tenant.post(create, input('Header'), { 'idempotency-key': '"header-key"' })
    const second = await tenant.post(create, input('Header'), { 'idempotency-key': 'header-key' })
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(await second.json()).toEqual(await first.json())
    expect(await countPlans('Header')).toBe(1)
  })

  it('ignores the header if the request has several mutations', async () => {
    const twice = `mutation ($input: CreatePlanInput!) {
      a: createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } }
      b: createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } } }`
    const { a, b } = await tenant.request(twice, input('Twice'), { 'idempotency-key': 'twice' })
    expect(a.plan.id).not.toBe(b.plan.id)
  })

  it('refuses the key for another mutation or input, without an effect', async () => {
    const { createPlan: first } = await tenant.request(create, input('First', 'reused'))
    const { createPlan } = await tenant.request(create, input('Second', 'reused'))
    const conflict = { __typename: 'IdempotencyConflictError', code: 'IDEMPOTENCY_CONFLICT' }
    expect(createPlan).toEqual(conflict)
    expect(await countPlans('Second')).toBe(0)
    const other = await tenant.request(
      `mutation ($id: ID!) { lockPlan(input: { planId: $id, idempotencyKey: "reused" }) {
         __typename ... on Error { code } } }`,
      { id: first.plan.id },
    )
    expect(other.lockPlan).toEqual(conflict)
  })

  it('stores no error: the same key can be used again with a corrected input', async () => {
    const bad = await tenant.request(create, {
      input: { ...input('Mended', 'mended').input, timeZone: 'Nowhere' },
    })
    expect(bad.createPlan.code).toBe('INVALID_INPUT')
    expect(await countKeys('mended')).toBe(0)
    const good = await tenant.request(create, input('Mended', 'mended'))
    expect(good.createPlan.plan.name).toBe('Mended')
  })

  it('does not affect another organization, which can use the same key', async () => {
    const other = await createTenant(database, api)
    await tenant.request(create, input('Mine', 'shared'))
    const { createPlan } = await other.request(create, {
      input: { accountId: other.ids.account, name: 'Theirs', timeZone: 'UTC', idempotencyKey: 'shared' },
    })
    expect(createPlan.plan.name).toBe('Theirs')
  })

  it('can use its key again after it has expired, once among concurrent requests', async () => {
    const { createPlan: first } = await tenant.request(create, input('Expired', 'expired'))
    await expire('expired', '1 second')
    const { createPlan: other } = await tenant.request(create, input('Other work', 'expired'))
    expect(other.plan.name).toBe('Other work')

    await expire('expired', '1 second')
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => tenant.request(create, input('Expired', 'expired'))),
    )
    const ids = new Set(answers.map(({ createPlan }) => createPlan.plan.id))
    expect(ids.size).toBe(1)
    expect(ids).not.toContain(first.plan.id)
  })

  it('is deleted an hour after its key has expired, and not before', async () => {
    for (const key of ['long gone', 'just gone', 'alive']) await tenant.request(create, input('Pruned', key))
    await expire('long gone', '61 minutes')
    await expire('just gone', '59 minutes')
    await prune(database.runtime.db)
    expect(await Promise.all(['long gone', 'just gone', 'alive'].map(countKeys))).toEqual([0, 1, 1])
  })

  it('returns the secret of a new API key once and does not store it', async () => {
    const make = `mutation { createApiKey(input: { name: "CI", scopes: [READ], idempotencyKey: "secret" }) {
      ... on CreateApiKeyPayload { key apiKey { id scopes } } } }`
    const { createApiKey: first } = await tenant.request(make)
    const { createApiKey: second } = await tenant.request(make)
    expect(first.key).toMatch(/^rp_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    expect(second).toEqual({ key: null, apiKey: first.apiKey })
    const { rows } = await database.owner.pool.query('select result, response from reelpilot.idempotency_key')
    expect(JSON.stringify(rows)).not.toContain(first.key.slice(22))
  })

  it('stores the authorize URL of an account encrypted, because its state grants the callback', async () => {
    const connect = `mutation { connectAccount(input: { idempotencyKey: "address" }) {
      ... on ConnectAccountPayload { authorizeUrl } } }`
    const { connectAccount: first } = await tenant.request(connect)
    expect(await tenant.request(connect)).toEqual({ connectAccount: first })
    const state = new URL(first.authorizeUrl).searchParams.get('state')
    const { rows } = await database.owner.pool.query('select result, response from reelpilot.idempotency_key')
    expect(JSON.stringify(rows)).not.toContain(state)
  })
})
