import { parse } from 'graphql'
import { expect, it } from 'vitest'
import { welcome } from '../../../src/graphql/graphiql/operations.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import { costOf, maxWeight, minCost, weightOf } from '../../../src/graphql/server/cost.ts'

const costOfQuery = (query: string, variables?: Readonly<Record<string, unknown>>) =>
  costOf(schema, parse(query), variables)
const ids = (count: number) => `[${'"x",'.repeat(count)}]`
const job = '... on Job { id state }'

/** An object weighs 10 and a value 1, times the page size; a weight of 50 costs a point. */
it.each<[string, string, number, number]>([
  ['`__typename`, which reads nothing', '{ __typename }', 0, 1],
  ['an object and two values', '{ job(id: "x") { id state __typename } }', 12, 1],
  ['a page of the default size', '{ jobs { nodes { id } } }', 10 + 20 * 11, 5],
  ['a page of a given size', '{ jobs(first: 100) { nodes { id } } }', 10 + 100 * 11, 23],
  [
    'a page with edges and page info',
    '{ jobs(first: 100) { edges { cursor node { id } } pageInfo { endCursor } } }',
    10 + 100 * 12,
    25,
  ],
  [
    'pages within pages',
    '{ plans(first: 10) { nodes { slots(last: 5) { nodes { id } } } } }',
    10 + 10 * (10 + 10 + 5 * 11),
    16,
  ],
  ['one of `nodes`', `{ nodes(ids: ${ids(1)}) { ${job} } }`, 12, 1],
  ['a hundred of `nodes`', `{ nodes(ids: ${ids(100)}) { ${job} } }`, 1_200, 24],
  [
    'the heaviest of several types',
    `{ node(id: "x") { id ${job} ... on Plan { id name state } ... on Node { id } } }`,
    10 + 2 + 3,
    1,
  ],
  ['a fragment', '{ job(id: "x") { ...F } } fragment F on Job { id state }', 12, 1],
  [
    'a fragment in two places',
    '{ a: job(id: "x") { ...F } b: job(id: "y") { ...F } } fragment F on Job { id state }',
    24,
    1,
  ],
  [
    'a fragment that is not spread',
    '{ job(id: "x") { id } } fragment F on Job { id slot { id caption } }',
    11,
    1,
  ],
  [
    'fragments in a circle',
    '{ job(id: "x") { ...F } } fragment F on Job { id ...G } fragment G on Job { id ...F }',
    12,
    1,
  ],
  [
    'the health of an account, without its slots',
    '{ accounts(first: 1) { nodes { health { status postingEndsAt nextStep } } } }',
    10 + 10 + 13,
    1,
  ],
  [
    'the health of an account, with the slots that it reads',
    '{ accounts(first: 1) { nodes { health { status slotsAtRisk { failsAt slot { id } } slotsAtRiskCount } } } }',
    10 + 10 + 10 + 1 + (100 + 20 * (10 + 1 + 11)) + (1 + 100),
    14,
  ],
  [
    'a mutation',
    'mutation { lockPlan(input: { planId: "x" }) { __typename ... on LockPlanPayload { plan { id } } ... on Error { code message } } }',
    10 + 11 + 2,
    1,
  ],
  [
    'the most expensive of several operations',
    'query A { __typename } query B { jobs { nodes { id } } }',
    230,
    5,
  ],
])('charges %s', (_name, query, cost, price) => {
  expect([weightOf(schema, parse(query)), costOfQuery(query)]).toEqual([cost, price])
})

it('the cost of a query counts a page size in a variable like a literal one, and a missing variable by its default', () => {
  const page = 'query ($n: Int = 50) { jobs(first: $n) { nodes { id } } }'
  const last = 'query ($n: Int) { jobs(last: $n) { nodes { id } } }'
  const some = `query ($ids: [ID!]!) { nodes(ids: $ids) { ${job} } }`
  expect(costOfQuery(page, { n: 100 })).toBe(23)
  expect(costOfQuery(page)).toBe(12)
  expect(costOfQuery(page, { n: null })).toBe(5)
  expect(costOfQuery(last, { n: 100 })).toBe(23)
  expect(costOfQuery(some, { ids: Array(100).fill('x') })).toBe(24)
  expect(costOfQuery(some, { ids: 'x' })).toBe(minCost)
})

it('the cost of a query counts an invalid or too large page size like the maximum', () => {
  const page = 'query ($n: Int) { jobs(first: $n) { nodes { id } } }'
  for (const n of ['many', 1.5, 1e9]) expect(costOfQuery(page, { n })).toBe(23)
})

it('the cost of exponential chains of fragments and thousands of aliases is computed in linear time', () => {
  const doubling = Array.from(
    { length: 400 },
    (_, index) => `fragment f${index} on Job { ...f${index + 1} ...f${index + 1} }`,
  )
  const bomb = `{ job(id: "x") { ...f0 } } ${doubling.join(' ')} fragment f400 on Job { id }`
  expect(weightOf(schema, parse(bomb))).toBeGreaterThan(maxWeight)
  const aliases = Array.from({ length: 5_000 }, (_, index) => `a${index}: job(id: "x") { id }`).join(' ')
  expect(weightOf(schema, parse(`{ ${aliases} }`))).toBe(55_000)
})

it('the default query of GraphiQL costs less than 100 points', () => {
  expect(costOfQuery(welcome)).toBeLessThan(100)
})
