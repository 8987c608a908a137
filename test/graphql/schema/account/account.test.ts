import { parse, validate } from 'graphql'
import pg from 'pg'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { AccountContext } from '../../../../machines/account.ts'
import { createKeyCheck } from '../../../../src/app/keys.ts'
import { accountMachine } from '../../../../src/definitions/machines.ts'
import { leafPaths } from '../../../../src/durable/machine.ts'
import { accountStateOf } from '../../../../src/graphql/schema/account/account-view.ts'
import { schema } from '../../../../src/graphql/schema/schema.ts'
import { nodeLimitRule } from '../../../../src/graphql/server/node-limit.ts'
import { keyRingOf } from '../../../../src/vault/key-ring.ts'
import { createAccount } from '../../../support/account.ts'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import {
  type Answer,
  createDraft,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  slotInput,
  type Tenant,
  type TestApi,
} from '../../support.ts'

let database: TestDatabase
let api: TestApi

beforeAll(async () => {
  database = await createTestDatabase()
  const ring = keyRingOf([Buffer.alloc(32, 1)])
  let now = 0
  // Every check is a minute after the previous one.
  const keys = createKeyCheck(
    () => ring,
    database.runtime,
    () => (now += 60_000),
  )
  api = await createTestApi(database, { accountsLackingKey: keys.accountsLackingKey })
})

const whole = `id openId username displayName state availableEvents scopes accessTokenExpiresAt refreshTokenExpiresAt
  creatorSettings { privacyOptions isCommentDisabled isDuetDisabled isStitchDisabled maxDurationSeconds fetchedAt }
  health { status postingEndsAt failure { code verdict } nextStep slotsAtRiskCount
    slotsAtRisk { slot { id } failsAt failure { code nextStep } } }`

async function readAccount(tenant: Tenant, id = tenant.ids.account, fields = whole): Promise<Answer> {
  const { node } = await tenant.request(
    `query ($id: ID!) { node(id: $id) { ... on Account { ${fields} } } }`,
    {
      id,
    },
  )
  return node
}

/** Puts an account into a state of its machine. */
async function setState(
  accountId: string,
  state: string,
  known: Partial<AccountContext> = {},
): Promise<void> {
  await database.owner.pool.query(
    'update reelpilot.machine_instance set state = $2, context = context || $3::jsonb where id = $1',
    [accountId, state, JSON.stringify(known)],
  )
}

const refreshFailure = {
  verdict: 'NEEDS_USER',
  code: 'invalid_grant',
  source: 'oauth',
  message: 'TikTok does not take the refresh token.',
} as const

describe('an account', () => {
  it('with a working connection is healthy and can post without a time limit', async () => {
    const tenant = await createTenant(database, api)
    await createDraft(tenant, [60, 40 * 24 * 60])
    const account = await readAccount(tenant)
    expect(account).toMatchObject({
      openId: tenant.accountId,
      username: 'creator',
      displayName: 'Creator',
      state: 'CONNECTED',
      availableEvents: ['disconnect'],
      scopes: ['video.publish', 'video.upload'],
      creatorSettings: null,
      health: {
        status: 'HEALTHY',
        postingEndsAt: null,
        failure: null,
        nextStep: null,
        slotsAtRiskCount: 0,
        slotsAtRisk: [],
      },
    })
    const hours = (Date.parse(account.accessTokenExpiresAt) - Date.now()) / 3_600_000
    expect(hours).toBeGreaterThan(1)
    expect(hours).toBeLessThan(3)
    expect(JSON.stringify(account)).not.toContain('canary')
  })

  it('has the creator settings that TikTok reported last', async () => {
    const tenant = await createTenant(database, api)
    const settings = {
      privacyLevelOptions: ['SELF_ONLY', 'A_LEVEL_TO_COME'],
      commentDisabled: true,
      duetDisabled: false,
      stitchDisabled: true,
      maxDurationSeconds: 600,
    }
    await database.owner.pool.query(
      `update reelpilot.account set creator = $2, creator_fetched_at = '2026-08-01T12:00:00Z' where id = $1`,
      [tenant.accountId, settings],
    )
    const { creatorSettings } = await readAccount(tenant)
    expect(creatorSettings).toEqual({
      privacyOptions: ['SELF_ONLY', 'A_LEVEL_TO_COME'],
      isCommentDisabled: true,
      isDuetDisabled: false,
      isStitchDisabled: true,
      maxDurationSeconds: 600,
      fetchedAt: '2026-08-01T12:00:00.000Z',
    })
  })

  it('has a public state for every state of its machine', () => {
    const named = Object.fromEntries(
      [...leafPaths(accountMachine)].map((path) => [path, accountStateOf(path)]),
    )
    expect(named).toEqual({
      connecting: 'CONNECTING',
      connected: 'CONNECTED',
      'refreshing.requesting': 'REFRESHING',
      'refreshing.backingOff': 'REFRESHING',
      needsReauthorization: 'NEEDS_REAUTHORIZATION',
      revoked: 'REVOKED',
      'disconnecting.revoking': 'DISCONNECTED',
      'disconnecting.backingOff': 'DISCONNECTED',
      disconnected: 'DISCONNECTED',
    })
    expect(() => accountStateOf('toString')).toThrow('no state')
  })

  it.each([
    ['connecting', 'NOT_CONNECTED', ['disconnect']],
    ['refreshing.requesting', 'HEALTHY', ['disconnect']],
    ['refreshing.backingOff', 'RENEWAL_FAILING', ['disconnect']],
    ['needsReauthorization', 'BROKEN', ['disconnect']],
    ['revoked', 'BROKEN', ['disconnect']],
    ['disconnecting.revoking', 'BROKEN', []],
    ['disconnected', 'BROKEN', []],
  ])('in the state %s is %s, with the events %j', async (state, status, availableEvents) => {
    const tenant = await createTenant(database, api)
    await setState(tenant.accountId, state)
    const account = await readAccount(tenant)
    expect(account).toMatchObject({ availableEvents, health: { status } })
    if (status !== 'HEALTHY') expect(account.health.nextStep).toMatch(/^[A-Z].*\.$/)
  })
})

describe('an account whose tokens are encrypted with a missing key', () => {
  const seal = (accountId: string, column: 'access' | 'refresh') =>
    database.owner.pool.query(
      `update reelpilot.account set ${column}_token_sealed = 'v2.deadbeef.x.y' where id = $1`,
      [accountId],
    )

  it.each(['access', 'refresh'] as const)('reports that it cannot post: %s token', async (column) => {
    const tenant = await createTenant(database, api)
    const { slotIds } = await createDraft(tenant, [60])
    await seal(tenant.accountId, column)
    const { health } = await readAccount(tenant)
    expect(health).toMatchObject({
      status: 'ENCRYPTION_KEY_MISSING',
      failure: { code: 'KEY_MISSING', verdict: 'NEEDS_OPERATOR' },
      nextStep: expect.stringMatching(/^The operator restores the key file/),
      slotsAtRisk: [{ slot: { id: slotIds[0] }, failure: { code: 'KEY_MISSING' } }],
    })
    expect(Date.parse(health.postingEndsAt)).toBeLessThanOrEqual(Date.now() + 1_000)
  })

  it('does not affect the health of other organizations’ accounts', async () => {
    const tenant = await createTenant(database, api)
    expect((await readAccount(tenant)).health.status).toBe('HEALTHY')
  })

  it('cannot finish posts that were begun either, if its grant is lost too', async () => {
    const tenant = await createTenant(database, api)
    await createDraft(tenant, [10])
    await setState(tenant.accountId, 'needsReauthorization', { failure: refreshFailure })
    await seal(tenant.accountId, 'access')
    expect((await readAccount(tenant)).health).toMatchObject({ status: 'BROKEN', slotsAtRiskCount: 1 })
  })
})

describe('the slots at risk of an account', () => {
  it('are the slots after its tokens expire, with the reason and the next step', async () => {
    const tenant = await createTenant(database, api)
    const { slotIds } = await createDraft(tenant, [10, 60, 3 * 24 * 60])
    await setState(tenant.accountId, 'needsReauthorization', { failure: refreshFailure })
    const { health, accessTokenExpiresAt } = await readAccount(tenant)
    // Two hours are left, and an upload takes 70 minutes of them: enough for the first slot only.
    expect(health).toMatchObject({
      status: 'BROKEN',
      postingEndsAt: accessTokenExpiresAt,
      failure: { code: 'invalid_grant', verdict: 'NEEDS_USER' },
      nextStep: 'The creator connects the account again.',
      slotsAtRiskCount: 2,
    })
    expect(health.slotsAtRisk.map(({ slot }: Answer) => slot.id)).toEqual(slotIds.slice(1))
    expect(health.slotsAtRisk[0]).toMatchObject({
      failsAt: await publishAtOf(tenant, slotIds[1]),
      failure: { code: 'invalid_grant', nextStep: 'The creator connects the account again.' },
    })
  })

  it('are limited by `first`, and their count is not', async () => {
    const tenant = await createTenant(database, api)
    await createDraft(
      tenant,
      Array.from({ length: 25 }, (_, index) => 60 + index),
    )
    await setState(tenant.accountId, 'revoked', { failure: refreshFailure })
    const fields = `health { slotsAtRiskCount usual: slotsAtRisk { failsAt } three: slotsAtRisk(first: 3) { failsAt } }`
    const { health } = await readAccount(tenant, undefined, fields)
    expect(health.slotsAtRiskCount).toBe(25)
    expect(health.usual).toHaveLength(20)
    expect(health.three).toEqual(health.usual.slice(0, 3))
  })

  it.each([[0], [101], [-1]])('cannot be requested with first: %i', async (first) => {
    const tenant = await createTenant(database, api)
    const response = await tenant.post(
      `{ accounts { nodes { health { slotsAtRisk(first: ${first}) { failsAt } } } } }`,
    )
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] })
  })

  it('include the slots whose mode needs a scope that was not granted', async () => {
    const tenant = await createTenant(database, api)
    const accountId = await createAccount(database, tenant.organizationId, [
      'user.info.basic',
      'video.upload',
    ])
    const account = globalId('Account', accountId)
    const draft = await createDraft({ ...tenant, ids: { ...tenant.ids, account } }, [])
    const slots = [slotInput(60), slotInput(70, { mode: 'DRAFT', caption: undefined, privacy: undefined })]
    const added = await mutate(tenant, 'addSlots', { planId: draft.planId, slots }, 'slots { id }')
    const { health } = await readAccount(tenant, account)
    expect(health).toMatchObject({
      status: 'HEALTHY',
      slotsAtRiskCount: 1,
      slotsAtRisk: [{ slot: { id: added.slots[0].id }, failure: { code: 'SCOPE_MISSING' } }],
    })
  })

  it('include slots whose job has sent nothing yet, and no others with a job', async () => {
    const tenant = await createTenant(database, api)
    const { slotIds } = await createRunningPlan(tenant, [60, 70])
    await database.owner.pool.query(
      `update reelpilot.machine_instance set context = context || '{"sentAt":1}' where slot_id = $1`,
      [bare(slotIds[0])],
    )
    await setState(tenant.accountId, 'revoked', { failure: refreshFailure })
    const { health } = await readAccount(tenant)
    expect(health.slotsAtRisk.map(({ slot }: Answer) => slot.id)).toEqual([slotIds[1]])
  })

  it('are read for many accounts by as many statements as for one', async () => {
    const one = await createTenant(database, api)
    const many = await createTenant(database, api)
    for (let count = 1; count < 12; count += 1) await createAccount(database, many.organizationId)
    const query = `{ accounts(first: 20) { nodes { state availableEvents health { status slotsAtRiskCount slotsAtRisk(first: 5) { failsAt } } } } }`
    const statementsOf = async (tenant: Tenant) => {
      await tenant.request(query)
      const sent = vi.spyOn(pg.Client.prototype, 'query')
      const { accounts } = await tenant.request(query)
      const statements = sent.mock.calls.filter(([config]) =>
        /^reelpilot_\d/.test(String(Object(config).name)),
      )
      sent.mockRestore()
      return { accounts: accounts.nodes.length, statements: statements.length }
    }
    const few = await statementsOf(one)
    expect(few).toMatchObject({ accounts: 1, statements: expect.any(Number) })
    expect(few.statements).toBeGreaterThan(0)
    expect(await statementsOf(many)).toEqual({ accounts: 12, statements: few.statements })
  })

  it('count toward the maximum number of nodes of a document', () => {
    const mistakes = (first: number) =>
      validate(
        schema,
        parse(`{ accounts(first: 100) { nodes { health { slotsAtRisk(first: ${first}) { failsAt } } } } }`),
        [nodeLimitRule],
      )
    expect(mistakes(90)).toEqual([])
    expect(mistakes(100)).toMatchObject([{ extensions: { code: 'TOO_MANY_NODES' } }])
  })
})

describe('connectAccount', () => {
  const fields = `account { id openId username displayName state availableEvents health { status nextStep } } authorizeUrl expiresAt`

  it('creates an account and returns the URL of the authorize page', async () => {
    const tenant = await createTenant(database, api, ['write'])
    const answer = await mutate(tenant, 'connectAccount', {}, fields)
    expect(answer.account).toMatchObject({
      openId: '',
      username: '',
      displayName: '',
      state: 'CONNECTING',
      availableEvents: ['disconnect'],
      health: { status: 'NOT_CONNECTED', nextStep: expect.stringContaining('authorizeUrl') },
    })
    const url = new URL(answer.authorizeUrl)
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      client_key: 'ck_test',
      scope: 'user.info.basic,user.info.profile,video.list,video.publish,video.upload',
      code_challenge_method: 'S256',
    })
    expect(answer.authorizeUrl).not.toContain('canary')
    const minutes = (Date.parse(answer.expiresAt) - Date.now()) / 60_000
    expect(minutes).toBeGreaterThan(13)
    expect(minutes).toBeLessThanOrEqual(16)

    const { accounts } = await tenant.request('{ accounts { nodes { id state } } }')
    expect(accounts.nodes).toEqual([
      { id: tenant.ids.account, state: 'CONNECTED' },
      { id: answer.account.id, state: 'CONNECTING' },
    ])
  })

  it('leaves a connected account unchanged until its creator has granted access again', async () => {
    const tenant = await createTenant(database, api)
    const input = { accountId: tenant.ids.account, scopes: ['video.publish', 'user.info.basic'] }
    const answer = await mutate(tenant, 'connectAccount', input, fields)
    expect(answer.account).toMatchObject({ id: tenant.ids.account, state: 'CONNECTED' })
    expect(new URL(answer.authorizeUrl).searchParams.get('scope')).toBe('user.info.basic,video.publish')
  })

  it('returns the same URL for a repeated idempotency key, and creates one account', async () => {
    const tenant = await createTenant(database, api)
    const input = { idempotencyKey: 'connect' }
    const first = await mutate(tenant, 'connectAccount', input, fields)
    expect(await mutate(tenant, 'connectAccount', input, fields)).toEqual(first)
    const { accounts } = await tenant.request('{ accounts { nodes { id } } }')
    expect(accounts.nodes).toHaveLength(2)

    const other = await mutate(tenant, 'connectAccount', {}, fields)
    expect(other.authorizeUrl).not.toBe(first.authorizeUrl)
    const conflict = { ...input, scopes: ['video.upload'] }
    expect(await mutate(tenant, 'connectAccount', conflict, fields)).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    })
  })

  it('refuses a scope that TikTok does not have, and an id that is no account’s', async () => {
    const tenant = await createTenant(database, api)
    expect(await mutate(tenant, 'connectAccount', { scopes: ['video.delete'] }, fields)).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'scopes', message: expect.stringContaining('video.delete') }],
    })
    for (const accountId of ['nonsense', globalId('Plan', tenant.accountId), globalId('Account', unknownId)])
      expect(await mutate(tenant, 'connectAccount', { accountId }, fields)).toMatchObject({
        code: 'NOT_FOUND',
        field: 'accountId',
      })
    const { accounts } = await tenant.request('{ accounts { nodes { id } } }')
    expect(accounts.nodes).toHaveLength(1)
  })
})

describe('disconnectAccount', () => {
  const fields = 'account { id state availableEvents health { status } }'

  it('disconnects an account at once and only once, and is refused while TikTok revokes the tokens', async () => {
    const tenant = await createTenant(database, api)
    const input = { accountId: tenant.ids.account, idempotencyKey: 'disconnect' }
    const answer = await mutate(tenant, 'disconnectAccount', input, fields)
    expect(answer).toMatchObject({
      account: { state: 'DISCONNECTED', availableEvents: [], health: { status: 'BROKEN' } },
    })
    expect(await mutate(tenant, 'disconnectAccount', input, fields)).toEqual(answer)
    expect(
      await mutate(tenant, 'disconnectAccount', { accountId: tenant.ids.account }, fields),
    ).toMatchObject({ code: 'NOT_PERMITTED_IN_STATE', state: 'disconnecting.revoking', event: 'disconnect' })
    const { rows } = await database.owner.pool.query(
      'select payload from reelpilot.event where account_id = $1 order by sequence',
      [tenant.accountId],
    )
    expect(rows.map(({ payload }) => payload.to)).toEqual(['disconnecting.revoking'])
  })

  it('disconnects an account that was never granted access', async () => {
    const tenant = await createTenant(database, api)
    const { account } = await mutate(tenant, 'connectAccount', {}, 'account { id }')
    expect(await mutate(tenant, 'disconnectAccount', { accountId: account.id }, fields)).toMatchObject({
      account: { state: 'DISCONNECTED' },
    })
  })

  it('requires the admin scope, and connectAccount the write scope', async () => {
    const writer = await createTenant(database, api, ['write'])
    const reader = await createTenant(database, api, ['read'])
    const forbidden = { errors: [{ extensions: { code: 'FORBIDDEN' } }] }
    const disconnect = `mutation ($id: ID!) { disconnectAccount(input: { accountId: $id }) { ... on Error { code } } }`
    const connect = `mutation { connectAccount(input: {}) { ... on Error { code } } }`
    const { account } = writer.ids
    expect(await (await writer.post(disconnect, { id: account })).json()).toMatchObject(forbidden)
    expect(await (await reader.post(connect)).json()).toMatchObject(forbidden)
    expect(await readAccount(writer, account, 'state')).toEqual({ state: 'CONNECTED' })
  })
})

const unknownId = '00000000-0000-4000-8000-000000000000'
const bare = (id: string | undefined) =>
  Buffer.from(id ?? '', 'base64url')
    .toString()
    .split(':')[1]

async function publishAtOf(tenant: Tenant, slotId: string | undefined): Promise<string> {
  const { node } = await tenant.request('query ($id: ID!) { node(id: $id) { ... on Slot { publishAt } } }', {
    id: slotId,
  })
  return node.publishAt
}
