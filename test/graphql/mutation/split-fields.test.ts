import { buildSchema, parse, print } from 'graphql'
import { expect, it } from 'vitest'
import { splitFields } from '../../../src/graphql/mutation/split-fields.ts'

const schema = buildSchema(`
  type Query { nothing: Int }
  type Result { x: Int y: Int }
  type Mutation { one(n: Int = 7): Result two(n: Int): Result }`)
const fieldsOf = (text: string, variableValues: Record<string, unknown> = {}, operationName?: string) =>
  splitFields({ schema, document: parse(text), variableValues, operationName: operationName ?? null })
const shapeOf = (...given: Parameters<typeof fieldsOf>) =>
  fieldsOf(...given)?.map(({ name, responseKey, args }) => [responseKey, name, args])

it('splitFields collects fields through fragments and aliases, in the order of their first appearance', () => {
  const text = `mutation ($n: Int) { ...F b: one(n: $n) { x } ... on Mutation { two(n: 2) { x } } __typename }
    fragment F on Mutation { a: two { x } ...G } fragment G on Mutation { c: one { y } }`
  expect(shapeOf(text, { n: 1 })).toEqual([
    ['a', 'two', {}],
    ['c', 'one', { n: 7 }],
    ['b', 'one', { n: 1 }],
    ['two', 'two', { n: 2 }],
    ['__typename', '__typename', {}],
  ])
})

it('splitFields omits fields that @skip or @include exclude, and no others', () => {
  const text = `mutation ($yes: Boolean!, $no: Boolean!) {
    a: one @skip(if: $yes) { x } b: one @include(if: $no) { x } ...F @skip(if: $yes)
    c: one @skip(if: $no) @include(if: $yes) { x } ... @include(if: $no) { d: one { x } } }
    fragment F on Mutation { e: one { x } }`
  expect(shapeOf(text, { yes: true, no: false })).toEqual([['c', 'one', { n: 7 }]])
})

it('splitFields merges fields with one response key, and makes an operation of each', () => {
  const text = 'mutation M { one { x } two { x } one { y } } mutation Other { two { x } }'
  const [one, two] = fieldsOf(text, {}, 'M') ?? []
  expect([one, two].map((field) => field && print(field.document).replace(/\s+/g, ' '))).toEqual([
    'mutation M { one { x } one { y } }',
    'mutation M { two { x } }',
  ])
})

it('splitFields returns null for other operations and for requests that cannot be executed', () => {
  expect(fieldsOf('{ nothing }')).toBeNull()
  expect(fieldsOf('mutation A { one { x } } mutation B { two { x } }')).toBeNull()
  expect(fieldsOf('mutation ($n: Int!) { one(n: $n) { x } }')).toBeNull()
})
