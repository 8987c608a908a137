import fc from 'fast-check'
import {
  execute,
  type GraphQLFieldConfig,
  GraphQLID,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  type GraphQLOutputType,
  GraphQLSchema,
  GraphQLString,
  parse,
  validate,
} from 'graphql'
import { describe, expect, it } from 'vitest'
import { executePlan } from '../../../src/graphql/compiled/execute-plan.ts'
import { compileQuery } from '../../../src/graphql/compiled/plan.ts'
import type { Context } from '../../../src/graphql/server/context.ts'

type Field = GraphQLFieldConfig<unknown, Context>
const context = {} as Context // None of these resolvers reads it.

/** A field as the schema's builder makes it: it keeps the resolver that it was given. */
function field(
  type: GraphQLOutputType,
  resolve: NonNullable<Field['resolve']>,
  more: Partial<Field> = {},
): Field {
  return { type, resolve, extensions: { pothosConfig: { resolve }, pothosOptions: {} }, ...more }
}

const fail = () => {
  throw new Error('failed')
}
const later = <Value>(value: Value) => Promise.resolve().then(() => value)

/** Every way in which a field can end, for a nullable and a required type. */
const ends: Readonly<Record<string, () => unknown>> = {
  Value: () => 1,
  Null: () => null,
  Fails: fail,
  Returns: () => new Error('returned'),
  Later: () => later(2),
  LaterNull: () => later(undefined),
  LaterFails: () => later(0).then(fail),
}
const thing: GraphQLObjectType = new GraphQLObjectType({
  name: 'Thing',
  fields: () => {
    const fields: Record<string, Field> = {
      echo: field(GraphQLString, (_source, { text }) => text, {
        args: { text: { type: GraphQLString }, n: { type: new GraphQLNonNull(GraphQLInt), defaultValue: 3 } },
      }),
      info: field(
        GraphQLString,
        (_source, _args, _context, { path, fieldName }) => `${fieldName} ${path.key} ${path.prev?.key}`,
      ),
      badList: field(new GraphQLList(GraphQLInt), () => 'text' as unknown),
      badInt: field(GraphQLInt, () => 'text'),
    }
    for (const [name, end] of Object.entries(ends)) {
      fields[`leaf${name}`] = field(GraphQLInt, end)
      fields[`leaf${name}Required`] = field(new GraphQLNonNull(GraphQLInt), end)
      fields[`thing${name}`] = field(thing, end)
      fields[`thing${name}Required`] = field(new GraphQLNonNull(thing), end)
    }
    for (const [name, item] of [
      ['Nullable', GraphQLInt],
      ['Required', new GraphQLNonNull(GraphQLInt)],
      ['Things', thing],
      ['RequiredThings', new GraphQLNonNull(thing)],
    ] as const) {
      // The reference executor leaves rejections unhandled where an item fails after another that is a promise.
      const items = name === 'RequiredThings' ? [1, 2] : [1, 2, null, new Error('item')]
      fields[`list${name}`] = field(new GraphQLList(item), () => items)
      fields[`list${name}Later`] = field(new GraphQLList(item), () =>
        items.flatMap((each) => (each instanceof Error ? [] : [later(each)])),
      )
    }
    fields.things = field(new GraphQLList(thing), () => [1, 2])
    fields.mixed = field(new GraphQLList(new GraphQLNonNull(GraphQLInt)), () => [later(0).then(fail), fail])
    return fields
  },
})
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({
    name: 'Query',
    fields: {
      thing: field(thing, () => 1),
      required: field(new GraphQLNonNull(thing), () => later(1)),
      id: field(GraphQLID, () => 'id'),
    },
  }),
})

/** Both executors on one document; errors in a fixed order, because promises settle in another one. */
async function both(text: string, variables: Readonly<Record<string, unknown>> = {}) {
  const document = parse(text)
  expect(validate(schema, document)).toEqual([])
  const plan = compileQuery(schema, document)
  if (!plan) throw new Error('not compiled')
  const shown = (result: object) => {
    const { data, errors = [] } = JSON.parse(JSON.stringify(result))
    return { data, errors: errors.map((error: object) => JSON.stringify(error)).sort() }
  }
  return {
    ours: shown(await executePlan(schema, plan, context, variables)),
    theirs: shown(await execute({ schema, document, contextValue: context, variableValues: variables })),
  }
}

const leaves = Object.entries(thing.getFields()).flatMap(([name, { type }]) =>
  /Thing/.test(String(type)) || name === 'mixed' ? [] : [name],
)
const composites = Object.keys(thing.getFields()).filter((name) => !leaves.includes(name) && name !== 'mixed')
const { selection } = fc.letrec<{ selection: string }>((tie) => ({
  selection: fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom(...leaves, '__typename') },
        fc
          .tuple(fc.constantFrom(...leaves), fc.constantFrom('a', 'b'))
          .map(([name, alias]) => `${alias}${name}: ${name}`),
        {
          weight: 2,
          arbitrary: fc
            .tuple(fc.constantFrom(...composites), tie('selection'))
            .map(([name, inner]) => `${name} ${inner}`),
        },
        tie('selection').map((inner) => `... on Thing ${inner}`),
        tie('selection').map((inner) => `... ${inner}`),
      ),
      { minLength: 1, maxLength: 4, depthIdentifier: 'selection' },
    )
    .map((each) => `{ ${each.join(' ')} }`),
}))

describe('a compiled query', () => {
  it('has the data and the errors of the reference executor, whatever fails where', async () => {
    await fc.assert(
      fc.asyncProperty(selection, selection, async (first, second) => {
        const { ours, theirs } = await both(`{ thing ${first} required ${second} thing { echo } id }`)
        expect(ours.data).toEqual(theirs.data)
        expect(Object.keys(ours.data ?? {})).toEqual(Object.keys(theirs.data ?? {}))
        // Which errors are reported besides the one that makes a position null depends on which promise settles first.
        if (ours.errors.length === 1 && theirs.errors.length === 1) expect(ours.errors).toEqual(theirs.errors)
        else expect(ours.errors.length > 0).toBe(theirs.errors.length > 0)
      }),
      { numRuns: 400 },
    )
  })

  it.each([
    ['arguments', '{ thing { a: echo(text: "x") b: echo c: echo(text: null) } }', {}],
    ['variables', 'query ($t: String = "d") { thing { echo(text: $t) } }', { t: 'v' }],
    ['the path and the name of a field', '{ thing { things { info } alias: info } }', {}],
    [
      'fragments',
      '{ thing { ...f things { ...f } } } fragment f on Thing { echo(text: "y") thingValue { echo } }',
      {},
    ],
    ['a value that is no list, and one that is no integer', '{ thing { badList badInt } }', {}],
    [
      'required items that fail',
      '{ thing { listRequired listNullable listRequiredLater listNullableLater } }',
      {},
    ],
    ['things that fail', '{ thing { listThings { echo } listRequiredThings { echo } } }', {}],
    ['no data at all', '{ required { leafFailsRequired } thing { echo } }', {}],
  ])('has %s as the reference executor has them', async (_what, text, variables) => {
    const { ours, theirs } = await both(text, variables)
    expect(ours).toEqual(theirs)
  })

  it('leaves no rejection unhandled where a later item fails at once', async () => {
    const plan = compileQuery(schema, parse('{ thing { mixed echo } }'))
    const result = plan && (await executePlan(schema, plan, context, {}))
    expect(result).toMatchObject({
      data: { thing: { mixed: null, echo: null } },
      errors: [{ path: ['thing', 'mixed', 1] }],
    })
  })

  it.each([
    ['a mutation', 'mutation { a: __typename }'],
    ['several operations', 'query A { id } query B { id }'],
    ['a directive on a field', '{ id @skip(if: true) }'],
    ['a directive on a fragment', '{ ... @include(if: true) { id } }'],
    ['introspection', '{ __schema { types { name } } }'],
    ['a response key that is no property', '{ __proto__: id }'],
  ])('is not made of %s', (_what, text) => {
    expect(compileQuery(schema, parse(text))).toBeNull()
  })
})
