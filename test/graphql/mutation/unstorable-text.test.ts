import { randomUUID } from 'node:crypto'
import {
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
} from 'graphql'
import { expect, it } from 'vitest'
import { encodeGlobalId } from '../../../src/graphql/schema/global-id.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import { createTestDatabase } from '../../support/database.ts'
import { createTenant, createTestApi } from '../support.ts'

const database = await createTestDatabase()
const tenant = await createTenant(database, await createTestApi(database))

/** A value for each scalar except strings. */
const values: Readonly<Record<string, unknown>> = {
  Int: 1,
  SafeInt: 1,
  Float: 1.5,
  Boolean: true,
  DateTime: '2030-01-01T10:00:00Z',
  LocalDateTime: '2030-01-01T10:00:00',
  TimeZone: 'UTC',
}

/** A value of an input type with `text` as every string. Its ids are valid but name nothing. */
function sampleOf(type: GraphQLInputType, text: string, field = ''): unknown {
  const bare = getNullableType(type)
  if (isListType(bare)) return [sampleOf(bare.ofType, text, field)]
  if (isEnumType(bare)) return bare.getValues()[0]?.name
  if (isInputObjectType(bare)) {
    // Idempotency keys have their own validation.
    const fields = Object.values(bare.getFields()).filter(({ name }) => name !== 'idempotencyKey')
    const sampled = fields.map(({ name, type }) => [name, sampleOf(type, text, name)] as const)
    const withText = sampled.filter(([, value]) => textPathsIn(value, text).length > 0)
    return Object.fromEntries(bare.isOneOf ? withText.slice(0, 1) : sampled)
  }
  if (bare.name === 'String') return text
  if (bare.name === 'JSON') return { title: text }
  if (bare.name === 'ID') return globalIdOf(field)
  if (!(bare.name in values)) throw new Error(`the test knows no ${bare.name}`)
  return values[bare.name]
}

function globalIdOf(field: string): string {
  const name =
    field === 'subjectId' ? 'Job' : `${field[0]?.toUpperCase()}${field.slice(1).replace(/Ids?$/, '')}`
  return name === 'ApiKey' ? encodeGlobalId(name, 'abcdefghijkl') : encodeGlobalId(name, randomUUID())
}

/** The paths of a text in a value, such as `slots.0.caption`. */
function textPathsIn(value: unknown, text: string, path = ''): readonly string[] {
  if (value === text) return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) =>
    textPathsIn(inner, text, path ? `${path}.${name}` : name),
  )
}

const mutations = Object.values(schema.getMutationType()?.getFields() ?? {}).map((field) => {
  const [input] = field.args
  if (!input) throw new Error(`${field.name} takes no input`)
  return { name: field.name, type: input.type, typeName: getNamedType(input.type).name }
})
const withText = mutations.filter(({ type }) => textPathsIn(sampleOf(type, 'x'), 'x').length > 0)

it.each(withText)('$name reports every text that Postgres cannot store', async ({ name, type, typeName }) => {
  for (const text of ['a NUL: \0', 'half a pair: \ud83d']) {
    const input = sampleOf(type, text)
    const answer = await tenant.request(
      `mutation ($input: ${typeName}!) {
         ${name}(input: $input) { __typename ... on InvalidInputError { fields { path message } } }
       }`,
      { input },
    )
    expect(answer[name]).toEqual({
      __typename: 'InvalidInputError',
      fields: textPathsIn(input, text).map((path) => ({
        path,
        message: 'must be well-formed Unicode without U+0000',
      })),
    })
  }
})
