import { parse } from 'graphql'
import { expect, it } from 'vitest'
import { leastPoints, pointsOf } from '../../src/graphql/cost.ts'

const jobs = (size: string, variables = '') =>
  parse(`query ${variables} { jobs${size} { nodes { id state tag slot { id caption } } } }`)

it('charges a short operation a point, and a page by what it may hold', () => {
  expect(pointsOf(parse('{ viewer { organization { name } } }'))).toBe(leastPoints)
  const mutation = 'mutation { lockPlan(input: { planId: "x" }) { ... on LockPlanPayload { plan { id } } } }'
  expect(pointsOf(parse(mutation))).toBe(1)
  const [small, large] = [pointsOf(jobs('(first: 10)')), pointsOf(jobs('(first: 100)'))]
  expect(large).toBeGreaterThan(20)
  expect(large).toBeLessThan(100)
  expect(Math.abs(large - 10 * small)).toBeLessThanOrEqual(10)
})

it('charges the same for a page whose size is a variable, given, by default or left out', () => {
  const given = jobs('(first: $n)', '($n: Int = 100)')
  expect(pointsOf(given, { n: 40 })).toBe(pointsOf(jobs('(first: 40)')))
  expect(pointsOf(given)).toBe(pointsOf(jobs('(first: 100)')))
  expect(pointsOf(given, { n: null })).toBe(pointsOf(jobs('')))
  expect(pointsOf(jobs('(last: $n)', '($n: Int)'), { n: 40 })).toBe(pointsOf(jobs('(last: 40)')))
})

it('takes what is no size for the largest page, and of several operations the costliest', () => {
  const given = jobs('(first: $n)', '($n: Int)')
  expect(pointsOf(given, { n: 'many' })).toBe(pointsOf(jobs('(first: 100)')))
  const both = parse('query A { __typename } query B { jobs(first: 100) { nodes { id } } }')
  expect(pointsOf(both)).toBe(pointsOf(parse('{ jobs(first: 100) { nodes { id } } }')))
})
