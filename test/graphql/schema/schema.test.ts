import { readFile } from 'node:fs/promises'
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isSpecifiedScalarType,
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
  it('is the one that is printed in schema.graphql', async () => {
    const kept = await readFile(new URL('../../../schema.graphql', import.meta.url), 'utf8')
    expect(kept).toBe(`${printSchema(lexicographicSortSchema(schema))}\n`)
  })

  it('describes every type, field, argument and value', () => {
    const bare = ownTypes.flatMap(partsOf).filter(({ description }) => !description)
    expect(bare.map(({ path }) => path)).toEqual([])
  })

  it('lets nobody read or do anything without a scope that says so', () => {
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

  it('takes an idempotency key with every mutation, and answers a union with at least two typed errors', () => {
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

  it('knows the very states of the plan machine', () => {
    const type = schema.getType('PlanState')
    const values = isEnumType(type) ? type.getValues().map(({ value }) => value) : []
    expect(values.sort()).toEqual([...leafPaths(planMachine)].sort())
  })
})

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
