import { once } from 'node:events'
import { beforeAll, describe, expect, it } from 'vitest'
import WebSocket from 'ws'
import { createTestDatabase } from '../../support/database.ts'
import { createRunningPlan, createTenant, createTestApi, type Tenant } from '../support.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)
let tenant: Tenant
let otherTenant: Tenant
let planIds: readonly string[]
let address: string

beforeAll(async () => {
  tenant = await createTenant(database, api)
  otherTenant = await createTenant(database, api)
  planIds = [
    (await createRunningPlan(tenant, [60, 61])).planId,
    (await createRunningPlan(tenant, [62])).planId,
  ]
  await createRunningPlan(otherTenant, [60])
  address = await api.listen(0, '127.0.0.1')
})

const lists = ['accounts', 'plans', 'jobs', 'scans'] as const
const page = (list: string, args = '') => `{ ${list}${args} { pageInfo { endCursor } nodes { id } } }`

async function endOf(who: Tenant, list: string): Promise<string> {
  const answer = await who.request(page(list))
  return answer[list].pageInfo.endCursor
}

async function errorOf(query: string) {
  const { errors } = (await (await tenant.post(query)).json()) as {
    errors: { message: string; extensions: object }[]
  }
  return errors?.[0]
}

describe.each(lists)('the list of %s', (list) => {
  it('accepts its own cursors', async () => {
    const own = await endOf(tenant, list)
    expect(await tenant.request(page(list, `(after: "${own}")`))).toMatchObject({ [list]: { nodes: [] } })
  })

  it('refuses every other cursor with the same message: another list’s, another organization’s, and malformed ones', async () => {
    const others = [
      await endOf(tenant, list === 'jobs' ? 'plans' : 'jobs'),
      await endOf(otherTenant, list),
      'garbage',
      '%%%',
      '12',
      Buffer.from('1.2').toString('base64url'),
      `${await endOf(tenant, list)}=`,
    ]
    for (const cursor of others)
      for (const argument of ['after', 'before'])
        expect(await errorOf(page(list, `(${argument}: "${cursor}")`)), cursor).toMatchObject({
          message: expect.stringMatching(new RegExp(`^${argument} is not a cursor of this list; pass `)),
          extensions: { code: 'BAD_USER_INPUT' },
        })
  })
})

it('the slots of a plan refuse a cursor of another plan’s slots', async () => {
  const slots = (planId: string, args = '') =>
    `{ node(id: "${planId}") { ... on Plan { slots${args} { pageInfo { endCursor } nodes { id } } } } }`
  const { node } = await tenant.request(slots(planIds[0] ?? ''))
  expect(await errorOf(slots(planIds[1] ?? '', `(after: "${node.slots.pageInfo.endCursor}")`))).toMatchObject(
    {
      extensions: { code: 'BAD_USER_INPUT' },
    },
  )
})

describe('a sequence in `after` that does not exist yet', () => {
  const lastOf = async (): Promise<number> => {
    const { events } = await tenant.request('{ events(last: 1) { nodes { sequence } } }')
    return events.nodes[0].sequence
  }

  it('is refused by the list of events, with the last sequence', async () => {
    const last = await lastOf()
    expect(await errorOf(`{ events(after: "${last + 1}") { nodes { sequence } } }`)).toMatchObject({
      message: `after is ${last + 1}, but the last sequence is ${last}`,
      extensions: { code: 'AFTER_OUT_OF_RANGE', lastSequence: last },
    })
    expect(await tenant.request(`{ events(after: "${last}") { nodes { sequence } } }`)).toEqual({
      events: { nodes: [] },
    })
  })

  it('is refused by the list of a job’s transitions', async () => {
    const query = (after: number) =>
      `{ jobs(first: 1) { nodes { revision transitions(after: "${after}") { nodes { revision } } } } }`
    const { jobs } = await tenant.request(query(0))
    const [{ revision }] = jobs.nodes
    expect(await errorOf(query(revision + 1))).toMatchObject({
      extensions: { code: 'AFTER_OUT_OF_RANGE', lastSequence: revision },
    })
  })

  it.each(['events', 'quotaEvents'])('is refused by the subscription %s', async (name) => {
    const last = await lastOf()
    const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
    await once(socket, 'open')
    socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey: tenant.key } }))
    await once(socket, 'message')
    const query = `subscription { ${name}(after: ${last + 1}) { sequence } }`
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }))
    const [message] = await once(socket, 'message')
    socket.terminate()
    const { payload } = JSON.parse(String(message))
    expect((payload.errors ?? payload)[0]).toMatchObject({
      extensions: { code: 'AFTER_OUT_OF_RANGE', lastSequence: last },
    })
  })
})

it('an unknown state in a filter is refused with the list of valid states', async () => {
  const error = await errorOf('{ jobs(filter: { states: ["queued", "needPerson"] }) { nodes { id } } }')
  expect(error?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' })
  expect(error?.message).toMatch(/^filter.states: there is no state "needPerson"; there are .*needsPerson/)
  expect(await tenant.request('{ jobs(filter: { states: ["needsPerson"] }) { nodes { id } } }')).toEqual({
    jobs: { nodes: [] },
  })
})
