import { createClient } from 'graphql-ws'
import { expect, it, onTestFinished } from 'vitest'
import WebSocket from 'ws'
import { createTestDatabase } from '../../support/database.ts'
import { type Answer, createTenant, createTestApi } from '../support.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)

const createPlan = `mutation($accountId: ID!) {
  createPlan(input: { accountId: $accountId, name: "Plan", timeZone: "UTC" }) { __typename }
}`
const isCreated = { data: { createPlan: { __typename: 'CreatePlanPayload' } } }
const unavailable = { code: 'UNAVAILABLE', retryAfterSeconds: expect.any(Number) }

/** Keeps every mutation of an organization waiting until it is let go. */
async function holdRowOf(organizationId: string): Promise<{ letGo(): Promise<void> }> {
  const outside = await database.owner.pool.connect()
  await outside.query('begin')
  await outside.query('select from reelpilot.event_head where organization_id = $1 for update', [
    organizationId,
  ])
  return {
    async letGo() {
      await outside.query('rollback')
      outside.release()
    },
  }
}

it('answers another organization while a row of one is held and thirty of its requests wait for it', async () => {
  const [held, other] = [await createTenant(database, api), await createTenant(database, api)]
  const post = async (tenant: typeof held, query: string) => {
    const response = await tenant.post(query, { accountId: tenant.ids.account })
    const retryAfter = Number(response.headers.get('retry-after'))
    return { status: response.status, retryAfter, body: (await response.json()) as Answer }
  }
  const row = await holdRowOf(held.organizationId)
  const waiting = Array.from({ length: 30 }, () => post(held, createPlan))
  try {
    const [query, mutation] = await Promise.all([
      post(other, '{ accounts { nodes { id } } }'),
      post(other, createPlan),
    ])
    expect(query.body).toMatchObject({ data: { accounts: { nodes: [{}] } } })
    expect(mutation.body).toMatchObject(isCreated)
    // All of them are told so, and when to come back, while the row is still held.
    for (const { status, retryAfter, body } of await Promise.all(waiting)) {
      expect(body.errors).toMatchObject([{ extensions: unavailable }])
      expect({ status, retryAfter }).toEqual({
        status: 503,
        retryAfter: body.errors[0].extensions.retryAfterSeconds,
      })
    }
  } finally {
    await row.letGo()
  }
  expect((await post(held, createPlan)).body).toMatchObject(isCreated)
})

it('says so over WebSocket, where there is no status, and as a server-sent event', async () => {
  const held = await createTenant(database, api)
  const address = await api.listen(0, '127.0.0.1')
  const socket = createClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: held.key },
  })
  onTestFinished(async () => void (await socket.dispose()))
  const variables = { accountId: held.ids.account }
  const row = await holdRowOf(held.organizationId)
  try {
    const [overSocket, asEvents] = await Promise.all([
      socket.iterate({ query: createPlan, variables }).next(),
      held
        .post(createPlan, variables, { accept: 'text/event-stream' })
        .then(async (response) => ({ status: response.status, text: await response.text() })),
    ])
    expect(overSocket.value?.errors).toMatchObject([{ extensions: unavailable }])
    expect(overSocket.value?.errors?.[0]?.extensions).not.toHaveProperty('http')
    expect(asEvents.status).toBe(503)
    expect(JSON.parse(/^data: (.+)$/m.exec(asEvents.text)?.[1] ?? asEvents.text)).toMatchObject({
      errors: [{ extensions: unavailable }],
    })
  } finally {
    await row.letGo()
  }
})
