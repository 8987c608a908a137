import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createWebhookRoute } from '../../../src/inbound/webhook-route.ts'
import { exceedsDepth, findJsonExcess, requestLimit, scalarLimit } from '../../../src/json-limit.ts'
import { createLogger } from '../../../src/logger.ts'
import { Secret } from '../../../src/secret.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'
import { createDraft, createTenant, createTestApi, slotInput, type Tenant } from '../support.ts'

const clientSecret = 'cs_test'
const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const webhook = createWebhookRoute({
  db: database.runtime.db,
  deps,
  clientKey: 'ck_test',
  clientSecret: new Secret(clientSecret),
  log: createLogger('silent', false),
})
const api = await createTestApi(database, { routes: [{ path: '/webhook', handle: webhook }] })
const address = await api.listen(0, '127.0.0.1')

let tenant: Tenant
let planId: string

beforeAll(async () => {
  tenant = await createTenant(database, api)
  planId = (await createDraft(tenant, [])).planId
})

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const mutation = `mutation ($input: AddSlotsInput!) { addSlots(input: $input) {
  __typename ... on InvalidInputError { fields { path message } } } }`
/** Built as text, because `JSON.stringify` of such a deep value overflows the stack in the test too. */
const addSlotsWith = (storyboard: string) => {
  const slot = JSON.stringify(slotInput(60, { storyboard: 0 })).replace(
    '"storyboard":0',
    `"storyboard":${storyboard}`,
  )
  return `{"query":${JSON.stringify(mutation)},"variables":{"input":{"planId":"${planId}","slots":[${slot}]}}}`
}

interface Answer {
  readonly data?: { readonly addSlots: { readonly __typename: string } | null }
  readonly errors?: readonly { readonly message: string; readonly extensions: object }[]
}

async function byHttp(body: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${tenant.key}`, 'content-type': 'application/json' }
  const response = await fetch(`${address}/graphql`, { method: 'POST', headers, body })
  expect(response.status).toBeLessThan(500)
  return (await response.json()) as Answer // The shape of a GraphQL response.
}

async function bySocket(body: string): Promise<Answer> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: tenant.key } }))
  await once(socket, 'message')
  socket.send(`{"type":"subscribe","id":"1","payload":${body}}`)
  const [text] = await once(socket, 'message')
  socket.terminate()
  const { type, payload } = JSON.parse(String(text))
  return type === 'error' ? { errors: payload } : payload
}

async function sendWebhook(body: string): Promise<number> {
  const at = Math.floor(Date.now() / 1_000)
  const signature = createHmac('sha256', clientSecret).update(`${at}.${body}`).digest('hex')
  const headers = { 'content-type': 'application/json', 'tiktok-signature': `t=${at},s=${signature}` }
  return (await fetch(`${address}/webhook`, { method: 'POST', body, headers })).status
}

describe.each([
  ['over HTTP', byHttp],
  ['over WebSocket', bySocket],
])('a JSON value %s', (_name, send) => {
  it('that is nested 20,000 deep is refused with its field and the limit', async () => {
    expect(await send(addSlotsWith(nested(20_000)))).toMatchObject({
      errors: [
        {
          message: 'variables.input.slots.0.storyboard is nested deeper than 64 levels',
          extensions: {
            code: 'INPUT_TOO_LARGE',
            field: 'variables.input.slots.0.storyboard',
            limit: requestLimit.depth,
            requestId: expect.any(String),
          },
        },
      ],
    })
  })

  it('is refused by the scalar if it is deeper or larger than any storyboard', async () => {
    const large = `[${'0,'.repeat(scalarLimit.values)}0]`
    for (const storyboard of [nested(scalarLimit.depth + 1), large]) {
      const { errors } = await send(addSlotsWith(storyboard))
      expect(errors?.[0]?.message).toContain('input.slots[0].storyboard')
      expect(errors?.[0]?.extensions).toMatchObject({ code: 'INPUT_TOO_LARGE' })
    }
    expect((await send(addSlotsWith(nested(scalarLimit.depth)))).data?.addSlots?.__typename).toBe(
      'InvalidInputError',
    )
  })

  it('is also refused as a literal in the document', async () => {
    const slot = `{ wallTime: "2027-01-01T00:00:00", caption: "", storyboard: ${nested(100)} }`
    const query = `mutation { addSlots(input: { planId: "${planId}", slots: [${slot}] }) { __typename } }`
    const { errors } = await send(JSON.stringify({ query }))
    expect(errors).toMatchObject([{ extensions: { code: 'INPUT_TOO_LARGE', limit: scalarLimit.depth } }])
    const deep = await send(JSON.stringify({ query: query.replace(nested(100), nested(20_000)) }))
    expect(deep.errors?.[0]?.message).toContain('1000')
  })

  it('of any depth causes no internal error', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30_000 }),
        fc.constantFrom('variables', 'extensions', 'input', 'storyboard', 'query'),
        async (depth, field) => {
          const value = nested(depth)
          const body = {
            variables: `{"query":"{ __typename }","variables":{"a":${value}}}`,
            extensions: `{"query":"{ __typename }","extensions":{"a":${value}}}`,
            input: `{"query":${JSON.stringify(mutation)},"variables":{"input":${value}}}`,
            storyboard: addSlotsWith(value),
            query: `{"query":"{ node(id: ${value}) { id } }"}`,
          }[field]
          expect(JSON.stringify(await send(body))).not.toContain('INTERNAL')
        },
      ),
      { numRuns: 25 },
    )
  })
})

it('variables in the URL of a GET are refused if they are too deep', async () => {
  const url = `${address}/graphql?query=${encodeURIComponent('{ __typename }')}&variables={"a":${nested(3_000)}}`
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${tenant.key}`, 'x-requested-with': 'test' },
  })
  expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'INPUT_TOO_LARGE' } }] })
})

it('webhooks of any depth get 200, in their body and in their content', async () => {
  const about = `"client_key":"ck_test","event":"post.publish.complete","create_time":1,"user_openid":"x"`
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 30_000 }), fc.boolean(), async (depth, isInside) => {
      const value = nested(depth)
      const content = JSON.stringify(isInside ? `{"publish_id":${value}}` : '{}')
      expect(await sendWebhook(`{${about},"content":${content},"more":${isInside ? 0 : value}}`)).toBe(200)
    }),
    { numRuns: 25 },
  )
})

it('the depth check of a text and of its value agree', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 6 }), (value, depth) => {
      const excess = findJsonExcess(value, { depth, values: Number.POSITIVE_INFINITY })
      expect(exceedsDepth(JSON.stringify(value), depth)).toBe(excess !== null)
    }),
  )
})
