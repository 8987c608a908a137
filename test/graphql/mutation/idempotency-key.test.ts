import {
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from 'graphql'
import { beforeAll, describe, expect, it } from 'vitest'
import { keyOfHeader } from '../../../src/graphql/mutation/idempotency-key.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createTenant, createTestApi, globalId, type Tenant, type TestApi } from '../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database, { apiBucket: { capacity: 100_000, refillPerSecond: 1 } })
  tenant = await createTenant(database, api)
})

const create = `mutation ($input: CreatePlanInput!) { createPlan(input: $input) { __typename
  ... on CreatePlanPayload { plan { id } } ... on InvalidInputError { code fields { path message } } } }`
const input = (idempotencyKey?: string) => ({
  input: { accountId: tenant.ids.account, name: 'Key', timeZone: 'UTC', idempotencyKey },
})
const refused = (message: string) => ({
  createPlan: {
    __typename: 'InvalidInputError',
    code: 'INVALID_INPUT',
    fields: [{ path: 'idempotencyKey', message: expect.stringContaining(message) }],
  },
})

/** The row count of each table, and the sum of the event sequences. */
async function countAll(): Promise<object> {
  const { rows: tables } = await database.owner.pool.query(
    `select relname from pg_class where relnamespace = 'reelpilot'::regnamespace and relkind = 'r' and relname not like 'rate%'`,
  )
  const counts: Record<string, unknown> = {}
  for (const { relname } of tables)
    counts[relname] = (
      await database.owner.pool.query(`select count(*) from reelpilot.${relname}`)
    ).rows[0].count
  const { rows } = await database.owner.pool.query('select sum(sequence) from reelpilot.event_head')
  return { ...counts, events: rows[0].sum }
}

describe('an idempotency key', () => {
  it.each([
    ['no characters', '', 'must have 1 to 255 characters'],
    ['256 characters', 'k'.repeat(256), 'must have 1 to 255 characters'],
    ['a NUL', 'a\0b', 'control characters'],
    ['a line break', 'a\nb', 'control characters'],
    ['half a surrogate pair', 'a\ud800', 'well-formed'],
  ])('with %s is refused with an InvalidInputError and has no effect', async (_what, key, message) => {
    const before = await countAll()
    expect(await tenant.request(create, input(key))).toEqual(refused(message))
    expect(await countAll()).toEqual(before)
  })

  it('may have up to 255 characters of any kind, and is distinct from similar keys', async () => {
    const keys = ['k'.repeat(255), '🦦'.repeat(255), ' ', 'é', 'e\u0301', 'a"b\\c', "'; --"]
    const ids = []
    for (const key of keys) {
      const [first, replayed] = [
        await tenant.request(create, input(key)),
        await tenant.request(create, input(key)),
      ]
      expect(replayed).toEqual(first)
      ids.push(first.createPlan.plan.id)
    }
    expect(new Set(ids).size).toBe(keys.length)
  })

  it('is also validated in the header, and refused if header and input differ', async () => {
    const before = await countAll()
    const long = { 'idempotency-key': 'k'.repeat(256) }
    expect(await tenant.request(create, input(), long)).toEqual(refused('must have 1 to 255 characters'))
    expect(await tenant.request(create, input(), { 'idempotency-key': '""' })).toEqual(refused('must have 1'))
    const other = { 'idempotency-key': 'other' }
    expect(await tenant.request(create, input('one'), other)).toEqual(refused('header'))
    expect(await countAll()).toEqual(before)
  })

  it('may be sent in both the header and the input', async () => {
    const { createPlan } = await tenant.request(create, input('a"b'), { 'idempotency-key': '"a\\"b"' })
    expect(createPlan.__typename).toBe('CreatePlanPayload')
  })

  it('is parsed from the header as a structured string or a bare key', () => {
    const headers = [null, 'bare', '"quoted"', '"a \\"b\\" \\\\"', '""', '', '"open', '"a", "b"', '"k";p=1']
    const keys = [null, 'bare', 'quoted', 'a "b" \\', '', '', '"open', '"a", "b"', '"k";p=1']
    expect(headers.map(keyOfHeader)).toEqual(keys)
  })
})

describe('every mutation', () => {
  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {})

  it('refuses an idempotency key of 256 characters before it has any effect', async () => {
    const before = await countAll()
    for (const { name, args } of mutations) {
      const type = args[0]?.type
      if (!type) throw new Error(`${name} takes no input`)
      const answer = await tenant.request(
        `mutation ($input: ${type}) { ${name}(input: $input) {
           __typename ... on InvalidInputError { fields { path } } } }`,
        { input: { ...(exampleOf(type) as object), idempotencyKey: 'k'.repeat(256) } },
      )
      expect([name, answer[name]]).toEqual([
        name,
        { __typename: 'InvalidInputError', fields: [{ path: 'idempotencyKey' }] },
      ])
    }
    expect(mutations.length).toBeGreaterThan(20)
    expect(await countAll()).toEqual(before)
  })
})

const examples: Readonly<Record<string, unknown>> = {
  String: 'text',
  Int: 1,
  SafeInt: 1,
  Boolean: true,
  TimeZone: 'UTC',
  LocalDateTime: '2030-01-01T12:00:00',
  JSON: {},
}

/** A minimal valid value of an input type: required fields only, with ids of the right type. */
function exampleOf(type: GraphQLInputType, name = ''): unknown {
  const named = getNamedType(type)
  if (isListType(type) || (isNonNullType(type) && isListType(type.ofType))) return [exampleOf(named, name)]
  if (isEnumType(named)) return named.getValues()[0]?.name
  if (isInputObjectType(named)) {
    const required = Object.values(named.getFields()).filter((field) => isNonNullType(field.type))
    return Object.fromEntries(required.map((field) => [field.name, exampleOf(field.type, field.name)]))
  }
  // `planId` is the id of a Plan; `subjectId` is that of a job or an account.
  const kind = name === 'subjectId' ? 'Job' : `${name.charAt(0).toUpperCase()}${name.slice(1, -2)}`
  const id = kind === 'ApiKey' ? '000000000000' : '00000000-0000-4000-8000-000000000000'
  return named.name === 'ID' ? globalId(kind, id) : examples[named.name]
}
