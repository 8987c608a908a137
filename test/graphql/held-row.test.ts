import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { type Answer, createTenant, createTestApi } from './support.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)

it('answers another organization while a row of one is held and thirty of its requests wait for it', async () => {
  const [held, other] = [await createTenant(database, api), await createTenant(database, api)]
  const post = async (tenant: typeof held, query: string, variables = {}) =>
    (await tenant.post(query, variables)).json() as Promise<Answer>
  const createPlan = (tenant: typeof held) =>
    post(
      tenant,
      `mutation($accountId: ID!) {
        createPlan(input: { accountId: $accountId, name: "Plan", timeZone: "UTC" }) { __typename }
      }`,
      { accountId: tenant.ids.account },
    )
  const outside = await database.owner.pool.connect()
  await outside.query('begin')
  await outside.query('select from reelpilot.event_head where organization_id = $1 for update', [
    held.organizationId,
  ])
  const waiting = Array.from({ length: 30 }, () => createPlan(held))
  try {
    const [query, mutation] = await Promise.all([
      post(other, '{ accounts { nodes { id } } }'),
      createPlan(other),
    ])
    expect(query).toMatchObject({ data: { accounts: { nodes: [{}] } } })
    expect(mutation).toMatchObject({ data: { createPlan: { __typename: 'CreatePlanPayload' } } })
    // All of them are told so, while the row is still held.
    const answers = await Promise.all(waiting)
    expect(answers.filter(({ errors }) => errors === undefined)).toEqual([])
  } finally {
    await outside.query('rollback')
    outside.release()
  }
  expect(await createPlan(held)).toMatchObject({ data: { createPlan: { __typename: 'CreatePlanPayload' } } })
})
