import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { failureThreshold } from '../../../../machines/breaker.ts'
import { publicStateOf, registerBreakers } from '../../../../src/circuit-breaker/breaker.ts'
import { forceBreaker } from '../../../../src/commands/limits/force-breaker.ts'
import { breakerMachine } from '../../../../src/definitions/machines.ts'
import { leafPaths } from '../../../../src/durable/machine.ts'
import { schema } from '../../../../src/graphql/schema/schema.ts'
import type { Answer as TikTokAnswer } from '../../../../src/providers/tiktok/http/answer.ts'
import type { GuardedCall } from '../../../../src/providers/tiktok/http/guard.ts'
import { inOrganization } from '../../../../src/store/database.ts'
import { createBreakerGuard } from '../../../../src/tiktok-policy/breaker-guard.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import {
  type Answer,
  createTenant,
  createTestApi,
  globalId,
  type Tenant,
  type TestApi,
} from '../../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  tenant = await createTenant(database, api)
})

beforeEach(async () => {
  await database.owner.pool.query('delete from reelpilot.circuit_breaker')
  await registerBreakers(database.runtime.db, ['tiktok', 'tiktok-upload', 'video/local'])
})

const dead: TikTokAnswer<unknown> = { kind: 'unauthorized', code: 'access_token_invalid' }
const down: TikTokAnswer<unknown> = { kind: 'unknown', cause: 'serverError', httpStatus: 503 }

async function call(answer: TikTokAnswer<unknown>, times = 1, change: Partial<GuardedCall> = {}) {
  const guard = createBreakerGuard({ db: database.runtime.db, random: () => 0 })
  let last: TikTokAnswer<unknown> = answer
  for (let index = 0; index < times; index += 1)
    last = await guard({ endpoint: 'status', ...change }, async () => answer)
  return last
}

const fields = `key scope state consecutiveFailureCount openedAt nextProbeAt forcedAt reason
  account { id } forcedBy { id } retryBudget { available capacity }`

const list = async (who: Tenant): Promise<Answer[]> =>
  (await who.request(`{ circuitBreakers { ${fields} } }`)).circuitBreakers
const find = async (who: Tenant, key: string): Promise<Answer> =>
  (await list(who)).find((breaker) => breaker.key === key)

async function force(who: Tenant, input: object): Promise<Answer> {
  const answer = await who.request(
    `mutation ($input: ForceCircuitBreakerInput!) { forceCircuitBreaker(input: $input) {
       ... on ForceCircuitBreakerPayload { circuitBreaker { ${fields} } }
       ... on Error { code message }
       ... on InvalidInputError { fields { path message } }
       ... on NotFoundError { field }
       ... on NotPermittedInStateError { state event }
     } }`,
    { input: { reason: 'a drill', ...input } },
  )
  return answer.forceCircuitBreaker
}

const callerOf = ({ organizationId, accountId }: Tenant) => ({
  organizationId,
  accountId,
  requester: 'a job',
})
const accountKey = ({ accountId }: Tenant) => `tiktok/${accountId}`

describe('the circuit breakers of upstreams', () => {
  it('exist and are closed from the first start on', async () => {
    expect(await list(tenant)).toEqual(
      ['tiktok', 'tiktok-upload', 'video/local'].map((key) => ({
        key,
        scope: 'UPSTREAM',
        state: 'CLOSED',
        consecutiveFailureCount: 0,
        openedAt: null,
        nextProbeAt: null,
        forcedAt: null,
        reason: null,
        account: null,
        forcedBy: null,
        retryBudget: { available: 100, capacity: 100 },
      })),
    )
  })

  it('show since when they are open, and when the next probe is due', async () => {
    await call(down, failureThreshold, { attempt: 2 })
    const breaker = await find(tenant, 'tiktok')
    expect(breaker).toMatchObject({
      state: 'OPEN',
      consecutiveFailureCount: 5,
      retryBudget: { available: 95, capacity: 100 },
    })
    expect(Date.parse(breaker.nextProbeAt) - Date.parse(breaker.openedAt)).toBe(60_000)

    // A minute later, without another call.
    await database.owner.pool.query(
      `update reelpilot.circuit_breaker set timers = jsonb_set(timers, '{xstate.after.openPeriod.breaker.open,dueAt}', '0')
        where key = 'tiktok'`,
    )
    expect(await find(tenant, 'tiktok')).toMatchObject({ state: 'HALF_OPEN', nextProbeAt: null })
  })

  it('have a public state for every state of their machine', () => {
    const type = schema.getType('CircuitBreakerState')
    const values = type && 'getValues' in type ? type.getValues().map(({ value }) => value) : []
    expect(values.sort()).toEqual([...new Set([...leafPaths(breakerMachine)].map(publicStateOf))].sort())
  })

  it('are forced open or closed with a reason and the API key that did it, and released', async () => {
    const opened = await force(tenant, { key: 'tiktok', mode: 'OPEN', reason: '  TikTok asked us to stop ' })
    expect(opened.circuitBreaker).toMatchObject({ state: 'FORCED_OPEN', reason: 'TikTok asked us to stop' })
    expect(opened.circuitBreaker.forcedBy).toEqual({ id: globalId('ApiKey', tenant.keyId) })
    expect(Date.parse(opened.circuitBreaker.forcedAt)).toBeGreaterThan(Date.now() - 60_000)
    expect(await call({ kind: 'ok' })).toMatchObject({ kind: 'deferred', reason: 'circuitOpen' })

    await force(tenant, { key: 'tiktok', mode: 'CLOSED' })
    expect(await call(down, 20)).toEqual(down)
    expect(await find(tenant, 'tiktok')).toMatchObject({ state: 'FORCED_CLOSED', reason: 'a drill' })

    const released = await force(tenant, { key: 'tiktok', mode: 'RELEASE' })
    expect(released.circuitBreaker).toMatchObject({
      state: 'CLOSED',
      consecutiveFailureCount: 0,
      reason: null,
      forcedBy: null,
      forcedAt: null,
    })
  })

  it('are followed by a subscription from a given sequence on', async () => {
    const { events } = await tenant.request('{ events(last: 1) { nodes { sequence } } }')
    const after = events.nodes[0].sequence
    await force(tenant, { key: 'tiktok', mode: 'OPEN' })
    await force(tenant, { key: accountKey(tenant), mode: 'CLOSED' })
    await force(tenant, { key: 'tiktok', mode: 'RELEASE' })
    const response = await tenant.post(
      `subscription { circuitBreakerEvents(after: ${after}) { type payload account { id } } }`,
      {},
      { accept: 'text/event-stream' },
    )
    expect(await collectEvents(response, 3)).toEqual([
      {
        type: 'breaker.transitioned',
        account: null,
        payload: {
          key: 'tiktok',
          from: 'closed',
          to: 'forcedOpen',
          event: 'forceOpen',
          reason: 'a drill',
          by: tenant.keyId,
        },
      },
      {
        type: 'breaker.transitioned',
        account: { id: tenant.ids.account },
        payload: expect.objectContaining({ key: accountKey(tenant), to: 'forcedClosed' }),
      },
      {
        type: 'breaker.transitioned',
        account: null,
        payload: expect.objectContaining({ from: 'forcedOpen', to: 'halfOpen', event: 'release' }),
      },
    ])
    const wrong = await tenant.post(
      'subscription { circuitBreakerEvents(after: -1) { type } }',
      {},
      {
        accept: 'text/event-stream',
      },
    )
    expect(await wrong.text()).toContain('BAD_USER_INPUT')
  })

  it('return the same response for a repeated idempotency key, and change once', async () => {
    const input = { key: 'video/local', mode: 'OPEN', idempotencyKey: 'once' }
    const [first, second] = [await force(tenant, input), await force(tenant, input)]
    expect(second).toEqual(first)
    const { rows } = await database.owner.pool.query(
      `select revision from reelpilot.circuit_breaker where key = 'video/local'`,
    )
    expect(rows).toEqual([{ revision: 2 }])
    expect(await force(tenant, { ...input, mode: 'RELEASE' })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
  })
})

describe('forceCircuitBreaker', () => {
  it.each([
    [
      { key: 'tiktok', mode: 'OPEN', reason: '' },
      { code: 'INVALID_INPUT', fields: [{ path: 'reason' }] },
    ],
    [
      { key: 'tiktok', mode: 'OPEN', reason: '   ' },
      { code: 'INVALID_INPUT', fields: [{ path: 'reason' }] },
    ],
    [
      { key: 'tiktok', mode: 'OPEN', reason: 'x'.repeat(501) },
      { code: 'INVALID_INPUT', fields: [{ path: 'reason' }] },
    ],
    [
      { key: 'video/unheard-of', mode: 'OPEN' },
      { code: 'NOT_FOUND', field: 'key' },
    ],
    [
      { key: '', mode: 'OPEN' },
      { code: 'NOT_FOUND', field: 'key' },
    ],
    [
      { key: `tiktok/${'x'.repeat(5_000)}`, mode: 'OPEN' },
      { code: 'NOT_FOUND', field: 'key' },
    ],
    [
      { key: 'tiktok/not-an-account', mode: 'OPEN' },
      { code: 'NOT_FOUND', field: 'key' },
    ],
    [
      { key: 'tiktok/00000000-0000-4000-8000-000000000000', mode: 'OPEN' },
      { code: 'NOT_FOUND', field: 'key' },
    ],
    [
      { key: 'tiktok', mode: 'RELEASE' },
      { code: 'NOT_PERMITTED_IN_STATE', state: 'closed', event: 'release' },
    ],
  ])('returns a typed error and changes nothing for %j', async (input, refusal) => {
    const before = await database.owner.pool.query('select * from reelpilot.circuit_breaker order by key')
    expect(await force(tenant, input)).toMatchObject(refusal)
    const after = await database.owner.pool.query('select * from reelpilot.circuit_breaker order by key')
    expect(after.rows).toEqual(before.rows)
  })

  it('requires the admin scope', async () => {
    const writer = await createTenant(database, api, ['write'])
    const response = await writer.post(
      `mutation { forceCircuitBreaker(input: { key: "tiktok", mode: OPEN, reason: "x" }) { ... on Error { code } } }`,
    )
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
  })
})

describe('several organizations', () => {
  let otherTenant: Tenant

  beforeAll(async () => {
    otherTenant = await createTenant(database, api)
  })

  it('see the breakers of upstreams, and those of their own accounts only', async () => {
    await call(dead, failureThreshold, { caller: callerOf(tenant) })
    await call(dead, 1, { caller: callerOf(otherTenant) })
    expect(await find(tenant, accountKey(tenant))).toMatchObject({
      scope: 'ACCOUNT',
      state: 'OPEN',
      account: { id: tenant.ids.account },
      retryBudget: null,
    })
    expect((await list(tenant)).map(({ key }) => key)).not.toContain(accountKey(otherTenant))
    expect((await list(otherTenant)).map(({ key }) => key)).toEqual([
      'tiktok',
      'tiktok-upload',
      'video/local',
      accountKey(otherTenant),
    ])
  })

  it('can force the breakers of their own accounts only', async () => {
    expect(await force(otherTenant, { key: accountKey(tenant), mode: 'OPEN' })).toMatchObject({
      code: 'NOT_FOUND',
      field: 'key',
    })
    expect(await force(otherTenant, { key: accountKey(otherTenant), mode: 'OPEN' })).toMatchObject({
      circuitBreaker: { state: 'FORCED_OPEN' },
    })
    expect(await call({ kind: 'ok' }, 1, { caller: callerOf(otherTenant) })).toMatchObject({
      kind: 'deferred',
    })
    expect(await call({ kind: 'ok' }, 1, { caller: callerOf(tenant) })).toEqual({ kind: 'ok' })
  })

  it('cannot force a shared breaker, but the operator can', async () => {
    expect(await force(tenant, { key: 'tiktok', mode: 'OPEN' })).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'key' }],
    })
    await database.runtime.db.transaction().execute((tx) =>
      forceBreaker(tx, {
        organizationId: null,
        key: 'tiktok',
        mode: 'open',
        reason: 'maintenance',
        by: null,
      }),
    )
    for (const who of [tenant, otherTenant])
      expect(await find(who, 'tiktok')).toMatchObject({
        state: 'FORCED_OPEN',
        reason: 'maintenance',
        forcedBy: null,
      })
  })

  it('are separated by row-level security', async () => {
    await call(dead, 1, { caller: callerOf(tenant) })
    const as = (who: Tenant, statement: string) =>
      inOrganization(database.api.db, who.organizationId, async (tx) => {
        const result = await tx.executeQuery({ sql: statement, parameters: [] } as never)
        return Number(result.numAffectedRows ?? result.rows.length)
      })
    const own = `where key = '${accountKey(tenant)}'`
    const touch = 'update circuit_breaker set updated_at = now()'
    expect(await as(tenant, `select from circuit_breaker ${own}`)).toBe(1)
    expect(await as(otherTenant, `select from circuit_breaker ${own}`)).toBe(0)
    expect(await as(tenant, `${touch} ${own}`)).toBe(1)
    expect(await as(otherTenant, `${touch} ${own}`)).toBe(0)
    expect(await as(tenant, `${touch} where key = 'tiktok'`)).toBe(0)
    const values = `'closed', 'resting', '{}', 1`
    await expect(
      as(
        otherTenant,
        `insert into circuit_breaker (key, version, state, tag, context, revision) values ('mine', 1, ${values})`,
      ),
    ).rejects.toThrow(/row-level security/)
    await expect(as(tenant, 'delete from circuit_breaker')).rejects.toThrow(/permission denied/)
  })
})

/** The data of the first `count` events of a stream, which is then cancelled. */
async function collectEvents(response: Response, count: number): Promise<Answer[]> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  for (;;) {
    const found = [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? ''))
    if (found.length >= count) {
      await reader?.cancel()
      return found.map(({ data }) => data.circuitBreakerEvents)
    }
    const chunk = await reader?.read()
    if (!chunk || chunk.done) throw new Error(`ended after ${text}`)
    text += chunk.value
  }
}
