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

/** Locks a row that every mutation of an organization needs, until `release` is called. */
async function lockRowOf(organizationId: string): Promise<{ release(): Promise<void> }> {
  const client = await database.owner.pool.connect()
  await client.query('begin')
  await client.query('select from reelpilot.event_head where organization_id = $1 for update', [
    organizationId,
  ])
  return {
    async release() {
      await client.query('rollback')
      client.release()
    },
  }
}

it('an organization is served while thirty requests of another wait for a locked row', async () => {
  const [locked, other] = [await createTenant(database, api), await createTenant(database, api)]
  const post = async (tenant: typeof locked, query: string) => {
    const response = await tenant.post(query, { accountId: tenant.ids.account })
    const retryAfter = Number(response.headers.get('retry-after'))
    return { status: response.status, retryAfter, body: (await response.json()) as Answer }
  }
  const row = await lockRowOf(locked.organizationId)
  const waiting = Array.from({ length: 30 }, () => post(locked, createPlan))
  try {
    const [query, mutation] = await Promise.all([
      post(other, '{ accounts { nodes { id } } }'),
      post(other, createPlan),
    ])
    expect(query.body).toMatchObject({ data: { accounts: { nodes: [{}] } } })
    expect(mutation.body).toMatchObject(isCreated)
    // All of them get 503 with a retry delay while the row is still locked.
    for (const { status, retryAfter, body } of await Promise.all(waiting)) {
      expect(body.errors).toMatchObject([{ extensions: unavailable }])
      expect({ status, retryAfter }).toEqual({
        status: 503,
        retryAfter: body.errors[0].extensions.retryAfterSeconds,
      })
    }
  } finally {
    await row.release()
  }
  expect((await post(locked, createPlan)).body).toMatchObject(isCreated)
})

it('a request that waits too long for a lock gets UNAVAILABLE over WebSocket and as a server-sent event too', async () => {
  const locked = await createTenant(database, api)
  const address = await api.listen(0, '127.0.0.1')
  const socket = createClient({
    url: `${address.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: locked.key },
  })
  onTestFinished(async () => void (await socket.dispose()))
  const variables = { accountId: locked.ids.account }
  const row = await lockRowOf(locked.organizationId)
  try {
    const [overSocket, asEvents] = await Promise.all([
      socket.iterate({ query: createPlan, variables }).next(),
      locked
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
    await row.release()
  }
})
