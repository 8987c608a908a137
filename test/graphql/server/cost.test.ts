import { parse } from 'graphql'
import { expect, it } from 'vitest'
import { welcome } from '../../../src/graphql/graphiql/operations.ts'
import { schema } from '../../../src/graphql/schema/schema.ts'
import { costOf, maxWeight, minCost, weightOf } from '../../../src/graphql/server/cost.ts'

const points = (query: string, variables?: Readonly<Record<string, unknown>>) =>
  costOf(schema, parse(query), variables)
const ids = (count: number) => `[${'"x",'.repeat(count)}]`
const job = '... on Job { id state }'

/** An object costs 10 and a value 1, times the size of the page; 50 are a point. */
it.each<[string, string, number, number]>([
  ['nothing that is read', '{ __typename }', 0, 1],
  ['a thing and two values', '{ job(id: "x") { id state __typename } }', 12, 1],
  ['a page of the usual size', '{ jobs { nodes { id } } }', 10 + 20 * 11, 5],
  ['a page of a written size', '{ jobs(first: 100) { nodes { id } } }', 10 + 100 * 11, 23],
  [
    'the same by edges, with the page’s ends',
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
    'of several types the costliest',
    `{ node(id: "x") { id ${job} ... on Plan { id name state } ... on Node { id } } }`,
    10 + 2 + 3,
    1,
  ],
  ['a fragment', '{ job(id: "x") { ...F } } fragment F on Job { id state }', 12, 1],
  [
    'a fragment at two places',
    '{ a: job(id: "x") { ...F } b: job(id: "y") { ...F } } fragment F on Job { id state }',
    24,
    1,
  ],
  [
    'a fragment that nobody spreads',
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
    'the health of an account, with the slots that are looked through',
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
  ['of several operations the costliest', 'query A { __typename } query B { jobs { nodes { id } } }', 230, 5],
])('prices %s', (_name, query, cost, price) => {
  expect([weightOf(schema, parse(query)), points(query)]).toEqual([cost, price])
})

it('prices what a variable says as if it were written, by its default if it is left out', () => {
  const page = 'query ($n: Int = 50) { jobs(first: $n) { nodes { id } } }'
  const last = 'query ($n: Int) { jobs(last: $n) { nodes { id } } }'
  const some = `query ($ids: [ID!]!) { nodes(ids: $ids) { ${job} } }`
  expect(points(page, { n: 100 })).toBe(23)
  expect(points(page)).toBe(12)
  expect(points(page, { n: null })).toBe(5)
  expect(points(last, { n: 100 })).toBe(23)
  expect(points(some, { ids: Array(100).fill('x') })).toBe(24)
  expect(points(some, { ids: 'x' })).toBe(minCost)
})

it('takes what is no size, and what is beyond it, for the largest page', () => {
  const page = 'query ($n: Int) { jobs(first: $n) { nodes { id } } }'
  for (const n of ['many', 1.5, 1e9]) expect(points(page, { n })).toBe(23)
})

it('is done with fragments that multiply to more than anybody could count, and with as many aliases', () => {
  const doubling = Array.from(
    { length: 400 },
    (_, index) => `fragment f${index} on Job { ...f${index + 1} ...f${index + 1} }`,
  )
  const bomb = `{ job(id: "x") { ...f0 } } ${doubling.join(' ')} fragment f400 on Job { id }`
  expect(weightOf(schema, parse(bomb))).toBeGreaterThan(maxWeight)
  const aliases = Array.from({ length: 5_000 }, (_, index) => `a${index}: job(id: "x") { id }`).join(' ')
  expect(weightOf(schema, parse(`{ ${aliases} }`))).toBe(55_000)
})

it('leaves a full bucket to whoever sends what GraphiQL begins with', () => {
  expect(points(welcome)).toBeLessThan(100)
})
