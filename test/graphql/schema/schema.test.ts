import { readFile } from 'node:fs/promises'
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  lexicographicSortSchema,
  printSchema,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { planMachine } from '../../../src/definitions/machines.ts'
import { leafPaths } from '../../../src/durable/machine.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'

const ownTypes = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
)

describe('the schema', () => {
  it('is printed in schema.graphql', async () => {
    const kept = await readFile(new URL('../../../schema.graphql', import.meta.url), 'utf8')
    expect(kept).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`)
  })

  it('describes every type, field, argument and value in sentences', () => {
    const bare = ownTypes.flatMap(partsOf).filter(({ description }) => !description?.endsWith('.'))
    expect(bare.map(({ path }) => path)).toEqual([])
  })

  it('uses no private words in descriptions', () => {
    const found = ownTypes
      .flatMap(partsOf)
      .filter(({ description }) => description?.match(privateWords))
      .map(({ path, description }) => `${path}: ${description}`)
    expect(found).toEqual([])
  })

  it('names every field of a time …At, …From or …Until, and a wall time …Time', () => {
    expect(fieldsOfType('DateTime').filter(({ name }) => !/(At|From|Until)$/.test(name))).toEqual([])
    expect(fieldsOfType('LocalDateTime').filter(({ name }) => !/Time$/.test(name))).toEqual([])
  })

  it('names every boolean as a claim, except for the names of settings', () => {
    const settings = /^(allow[A-Z]\w+|brandContent|brandOrganic|enabled)$/
    expect(
      fieldsOfType('Boolean').filter(({ name }) => !/^(is|has|can)[A-Z]/.test(name) && !settings.test(name)),
    ).toEqual([])
  })

  it('names every number with its unit: durations …Seconds, sizes …Bytes, counts …Count', () => {
    const numbers = ['Int', 'SafeInt', 'Float'].flatMap(fieldsOfType)
    const unclear =
      /^(seconds|minutes|bytes|count|most|tries)$|(Ms|Minutes|Hours|Days)$|^(jobs|slots|failures)$/
    // A frame of a video is named in TikTok's own term and unit: seconds would not name one exactly.
    const isUnclear = (name: string) => unclear.test(name) && name !== 'coverTimestampMs'
    expect(numbers.filter(({ name }) => isUnclear(name))).toEqual([])
  })

  it('names inputs, payloads and results by their mutation', () => {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      const name = `${field.name.charAt(0).toUpperCase()}${field.name.slice(1)}`
      const result = schema.getType(`${name}Result`)
      expect(String(field.type)).toBe(`${name}Result!`)
      expect(String(field.args[0]?.type)).toBe(`${name}Input!`)
      const members = isUnionType(result) ? result.getTypes() : []
      expect(members.map((member) => member.name)).toContain(`${name}Payload`)
    }
  })

  it('names every error by its code', () => {
    const type = schema.getType('ErrorCode')
    const codes = isEnumType(type) ? type.getValues().map(({ name }) => name) : []
    const errors = ownTypes
      .filter(isObjectType)
      .filter((each) => each.getInterfaces().some(({ name }) => name === 'Error'))
      .map(({ name }) =>
        name
          .replace(/Error$/, '')
          .replace(/(?<=.)([A-Z])/g, '_$1')
          .toUpperCase(),
      )
    expect(errors.toSorted()).toEqual(codes.toSorted())
  })

  it('declares a scope for every type and every root field', () => {
    const roots = ['Query', 'Mutation', 'Subscription']
    const open = ownTypes.filter(isObjectType).flatMap((type) => {
      if (declaresScope(type)) return []
      const fields = Object.values(type.getFields()).filter((field) => !declaresScope(field))
      return roots.includes(type.name) || fields.length > 0
        ? fields.map(({ name }) => `${type.name}.${name}`)
        : []
    })
    expect(open).toEqual([])
  })

  it('accepts an idempotency key with every mutation, and returns a payload or one of at least two typed errors', () => {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      const [input] = field.args
      expect(String(input?.type)).toMatch(/Input!$/)
      const type = schema.getType(String(input?.type).replace('!', ''))
      expect(isInputObjectType(type) && Object.keys(type.getFields())).toContain('idempotencyKey')
      const result = schema.getType(String(field.type).replace('!', ''))
      const members = result && 'getTypes' in result ? result.getTypes() : []
      const errors = members.filter((member) => member.getInterfaces().some(({ name }) => name === 'Error'))
      expect(errors.length, field.name).toBeGreaterThanOrEqual(2)
      expect(members.length - errors.length, field.name).toBe(1)
    }
  })

  it('has exactly the states of the plan machine in PlanState', () => {
    const type = schema.getType('PlanState')
    const values = isEnumType(type) ? type.getValues().map(({ value }) => value) : []
    expect(values.sort()).toEqual([...leafPaths(planMachine)].sort())
  })
})

/** Words that only this project gave a meaning, and turns of phrase that hide who acts. */
const privateWords =
  /\b(whoever|nobody|somebody|told|tells of|hears?|stands?|spoken|pot|draw|wish|news|room for|shall|by itself|as it is|goes on|go on|left out|in line|turn of|at hand|a stretch|sealed|moves? on)\b/i

/** The fields of object and input types that have a named type. */
function fieldsOfType(typeName: string): { readonly path: string; readonly name: string }[] {
  return ownTypes
    .filter((type) => isObjectType(type) || isInputObjectType(type))
    .flatMap((type) =>
      Object.values<GraphQLInputField | GraphQLField<unknown, unknown>>(type.getFields())
        .filter((field) => getNamedType(field.type).name === typeName)
        .map(({ name }) => ({ path: `${type.name}.${name}`, name })),
    )
}

/** Whether a type or field names the scopes it takes, in the options that it was built from. */
function declaresScope({ extensions }: { readonly extensions: object }): boolean {
  const options = (extensions as { pothosOptions?: { authScopes?: object } }).pothosOptions
  return options?.authScopes !== undefined
}

function partsOf(type: GraphQLNamedType): { path: string; description: string | null | undefined }[] {
  const own = { path: type.name, description: type.description }
  if (isEnumType(type)) {
    return [
      own,
      ...type
        .getValues()
        .map((value) => ({ path: `${type.name}.${value.name}`, description: value.description })),
    ]
  }
  if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return [own]
  const fields = Object.values(type.getFields()).flatMap((field) => [
    { path: `${type.name}.${field.name}`, description: field.description },
    ...argumentsOf(field).map(({ name, description }) => ({
      path: `${type.name}.${field.name}(${name})`,
      description,
    })),
  ])
  return [own, ...fields]
}

function argumentsOf(field: GraphQLInputField | GraphQLField<unknown, unknown>): readonly GraphQLArgument[] {
  return 'args' in field ? field.args : []
}
