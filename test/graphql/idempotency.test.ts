import { beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../support/database.ts'
import { createTenant, createTestApi, type Tenant, type TestApi } from './support.ts'

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
const countPlans = async (name: string) =>
  Number(
    (await database.owner.pool.query('select count(*) from reelpilot.plan where name = $1', [name])).rows[0]
      .count,
  )

describe('a mutation with an idempotency key', () => {
  it('has one effect and one answer, however many are sent at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => tenant.ask(create, input('Parallel', 'parallel'))),
    )
    expect(new Set(answers.map(({ createPlan }) => createPlan.plan.id)).size).toBe(1)
    expect(await countPlans('Parallel')).toBe(1)
  })

  it('takes the key from the header, quoted or bare, and says that it replays', async () => {
    const first = await tenant.post(create, input('Header'), { 'idempotency-key': '"header-key"' })
    const second = await tenant.post(create, input('Header'), { 'idempotency-key': 'header-key' })
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(await second.json()).toEqual(await first.json())
    expect(await countPlans('Header')).toBe(1)
  })

  it('does not take the key from the header when the request holds several mutations', async () => {
    const twice = `mutation ($input: CreatePlanInput!) {
      a: createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } }
      b: createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } } }`
    const { a, b } = await tenant.ask(twice, input('Twice'), { 'idempotency-key': 'twice' })
    expect(a.plan.id).not.toBe(b.plan.id)
  })

  it('refuses the key for other work, and does nothing then', async () => {
    await tenant.ask(create, input('First', 'reused'))
    const { createPlan } = await tenant.ask(create, input('Second', 'reused'))
    expect(createPlan).toEqual({ __typename: 'IdempotencyConflictError', code: 'IDEMPOTENCY_KEY_REUSED' })
    expect(await countPlans('Second')).toBe(0)
  })

  it('keeps nothing of a refusal: the same key may be sent again with the mistake mended', async () => {
    const bad = await tenant.ask(create, {
      input: { ...input('Mended', 'mended').input, timeZone: 'Nowhere' },
    })
    expect(bad.createPlan.code).toBe('INVALID_INPUT')
    const good = await tenant.ask(create, input('Mended', 'mended'))
    expect(good.createPlan.plan.name).toBe('Mended')
  })

  it('is the organization’s own: another one may use the same key', async () => {
    const other = await createTenant(database, api)
    await tenant.ask(create, input('Mine', 'shared'))
    const { createPlan } = await other.ask(create, {
      input: { accountId: other.ids.account, name: 'Theirs', timeZone: 'UTC', idempotencyKey: 'shared' },
    })
    expect(createPlan.plan.name).toBe('Theirs')
  })

  it('may be used anew once it has expired', async () => {
    const { createPlan: first } = await tenant.ask(create, input('Expired', 'expired'))
    await database.owner.pool.query(
      `update reelpilot.idempotency_key set expires_at = now() - interval '1 second' where key = 'expired'`,
    )
    const { createPlan: second } = await tenant.ask(create, input('Expired', 'expired'))
    expect(second.plan.id).not.toBe(first.plan.id)
  })

  it('shows the secret of a new key once, and keeps none of it', async () => {
    const make = `mutation { createApiKey(input: { name: "CI", scopes: [READ], idempotencyKey: "secret" }) {
      ... on CreateApiKeyPayload { key apiKey { id scopes } } } }`
    const { createApiKey: first } = await tenant.ask(make)
    const { createApiKey: second } = await tenant.ask(make)
    expect(first.key).toMatch(/^rp_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}$/)
    expect(second).toEqual({ key: null, apiKey: first.apiKey })
    const { rows } = await database.owner.pool.query('select answer::text from reelpilot.idempotency_key')
    expect(JSON.stringify(rows)).not.toContain(first.key.slice(22))
  })
})
