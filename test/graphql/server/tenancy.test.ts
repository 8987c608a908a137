import { beforeAll, describe, expect, it } from 'vitest'
import { countUnrecognised } from '../../../src/store/webhook/unrecognised-codes.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import {
  createKey,
  createRunningPlan,
  createTenant,
  createTestApi,
  globalId,
  mutate,
  slotInput,
  type Tenant,
  type TestApi,
} from '../support.ts'

let database: TestDatabase
let api: TestApi
let owner: Tenant
let otherTenant: Tenant
let ids: Readonly<Record<'plan' | 'slot' | 'job' | 'account' | 'scan' | 'apiKey' | 'organization', string>>

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
  owner = await createTenant(database, api)
  otherTenant = await createTenant(database, api)
  const { planId, slotIds } = await createRunningPlan(owner, [60, 70])
  const { jobs, scans } = await owner.request('{ jobs { nodes { id } } scans { nodes { id } } }')
  ids = {
    plan: planId,
    slot: slotIds[0] ?? '',
    job: jobs.nodes[0].id,
    scan: scans.nodes[0].id,
    account: owner.ids.account,
    apiKey: globalId('ApiKey', owner.keyId),
    organization: owner.ids.organization,
  }
})

describe('an organization', () => {
  it('finds nothing by any id, with any query', async () => {
    const read = `query ($plan: ID!, $job: ID!, $all: [ID!]!) {
      plan(id: $plan) { id } job(id: $job) { id } nodes(ids: $all) { id } node(id: $job) { id } }`
    const all = Object.values(ids)
    const found = await owner.request(read, { plan: ids.plan, job: ids.job, all })
    expect(found.nodes.map((node: { id: string }) => node.id)).toEqual(all)
    expect(found).toMatchObject({ plan: { id: ids.plan }, job: { id: ids.job }, node: { id: ids.job } })

    expect(await otherTenant.request(read, { plan: ids.plan, job: ids.job, all })).toEqual({
      plan: null,
      job: null,
      node: null,
      nodes: all.map(() => null),
    })
  })

  it('sees nothing of another organization in any list', async () => {
    await countUnrecognised(database.runtime.db, owner.organizationId, { source: 'api', code: 'new_code' })
    expect(await owner.request('{ unrecognisedCodes { code } }')).toEqual({
      unrecognisedCodes: [{ code: 'new_code' }],
    })
    await database.owner.pool.query(`update reelpilot.machine_instance set state = 'revoked' where machine = 'account'
                                       and organization_id = '${owner.organizationId}'`)
    const forecast = '{ accounts { nodes { health { slotsAtRiskCount } } } }'
    expect((await owner.request(forecast)).accounts.nodes).toEqual([{ health: { slotsAtRiskCount: 2 } }])
    const lists = await otherTenant.request(
      `query ($plan: ID!) {
      plans { nodes { id } } jobs { nodes { id } } ofPlan: jobs(filter: { planId: $plan }) { nodes { id } } scans { nodes { id } }
      accounts { nodes { id health { slotsAtRiskCount slotsAtRisk { slot { id } } } } }
      unrecognisedCodes { code } quotas { metric reserved used } events { nodes { type } }
      viewer { organization { id apiKeys { id } } apiKey { id } } }`,
      { plan: ids.plan },
    )
    expect(lists).toEqual({
      plans: { nodes: [] },
      jobs: { nodes: [] },
      ofPlan: { nodes: [] },
      scans: { nodes: [] },
      accounts: {
        nodes: [{ id: otherTenant.ids.account, health: { slotsAtRiskCount: 0, slotsAtRisk: [] } }],
      },
      unrecognisedCodes: [],
      quotas: ['VIDEOS', 'SECONDS'].map((metric) => ({ metric, reserved: 0, used: 0 })),
      events: { nodes: [{ type: 'apiKey.created' }] },
      viewer: {
        organization: {
          id: otherTenant.ids.organization,
          apiKeys: [{ id: globalId('ApiKey', otherTenant.keyId) }],
        },
        apiKey: { id: globalId('ApiKey', otherTenant.keyId) },
      },
    })
  })

  it('can change nothing of another organization, and gets the same error as for a missing id', async () => {
    const { plan, slot, job, account, apiKey } = ids
    const before = await database.owner.pool.query(
      'select * from reelpilot.event order by organization_id, sequence',
    )
    const attempts: [string, object, string][] = [
      ['createPlan', { accountId: account, name: 'x', timeZone: 'UTC' }, 'accountId'],
      ['updatePlan', { planId: plan, name: 'x' }, 'planId'],
      ['addSlots', { planId: plan, slots: [slotInput()] }, 'planId'],
      ['updateSlot', { slotId: slot, caption: 'x' }, 'slotId'],
      ['removeSlot', { slotId: slot }, 'slotId'],
      ['submitPlanForReview', { planId: plan }, 'planId'],
      ['approvePlan', { planId: plan }, 'planId'],
      ['rejectPlan', { planId: plan }, 'planId'],
      ['lockPlan', { planId: plan }, 'planId'],
      ['unlockPlan', { planId: plan }, 'planId'],
      ['setAutopilot', { planId: plan, enabled: false }, 'planId'],
      ['archivePlan', { planId: plan }, 'planId'],
      ['startJob', { slotId: slot }, 'slotId'],
      ['cancelJob', { jobId: job }, 'jobId'],
      ['pauseJob', { jobId: job }, 'jobId'],
      ['resumeJob', { jobId: job }, 'jobId'],
      ['retryJob', { jobId: job }, 'jobId'],
      ['revokeApiKey', { apiKeyId: apiKey }, 'apiKeyId'],
      ['connectAccount', { accountId: account }, 'accountId'],
      ['disconnectAccount', { accountId: account }, 'accountId'],
    ]
    for (const [name, input, field] of attempts) {
      expect(await mutate(otherTenant, name, input, '__typename'), name).toMatchObject({
        code: 'NOT_FOUND',
        field,
      })
    }
    const after = await database.owner.pool.query(
      'select * from reelpilot.event order by organization_id, sequence',
    )
    expect(after.rows).toEqual(before.rows)
  })

  it('cannot subscribe to another organization', async () => {
    for (const query of [
      `subscription { jobEvents(jobId: "${ids.job}", after: 0) { type } }`,
      `subscription { planEvents(planId: "${ids.plan}", after: 0) { type } }`,
      `subscription { accountEvents(accountId: "${ids.account}", after: 0) { type } }`,
    ]) {
      const response = await otherTenant.post(query, {}, { accept: 'text/event-stream' })
      const text = await response.text()
      expect(text).toContain('BAD_USER_INPUT')
      expect(text).not.toMatch(/(job|account)\.transitioned/)
    }
  })
})

describe('a scope', () => {
  it('read does not include write, and write does not include admin', async () => {
    const forbidden = { errors: [{ extensions: { code: 'FORBIDDEN' } }] }
    const reader = await createTenant(database, api, ['read'])
    const writer = await createTenant(database, api, ['write'])
    const archive = `mutation { archivePlan(input: { planId: "x" }) { ... on Error { code } } }`
    const grant = `mutation { grantQuota(input: { metric: VIDEOS, amount: 1 }) { ... on Error { code } } }`
    const keys = '{ viewer { organization { apiKeys { id } } } }'
    expect(await (await reader.post(archive)).json()).toMatchObject(forbidden)
    expect(await (await reader.post(keys)).json()).toMatchObject(forbidden)
    expect(await (await writer.post(grant)).json()).toMatchObject(forbidden)
    expect(await writer.request(archive)).toEqual({ archivePlan: { code: 'NOT_FOUND' } })
    expect(await writer.request('{ plans { nodes { id } } }')).toEqual({ plans: { nodes: [] } })
  })

  it('ends when its key is revoked', async () => {
    const { key, keyId } = await createKey(database, owner.organizationId, ['read'])
    const request = () =>
      api.fetch(
        new Request('http://api.test/graphql', {
          method: 'POST',
          headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
          body: JSON.stringify({ query: '{ viewer { apiKey { name } } }' }),
        }),
      )
    expect((await request()).status).toBe(200)
    await mutate(owner, 'revokeApiKey', { apiKeyId: globalId('ApiKey', keyId) }, 'apiKey { revokedAt }')
    expect((await request()).status).toBe(401)
  })
})

describe('the database', () => {
  /** TikTok sends webhooks to the app, not to an organization. The API's role cannot read them. */
  const withoutOrganization = 'webhook_delivery'

  it('forces row-level security on every table, with a policy for each role that may read it', async () => {
    const { rows } = await database.owner.pool.query(`
      select c.relname as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
             (select array_agg(distinct r.rolname::text order by r.rolname::text) from pg_policy p, pg_roles r
               where p.polrelid = c.oid and r.oid = any(p.polroles)) as roles
        from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = 'reelpilot' and c.relkind in ('r', 'p') and c.relname not like 'migration%'`)
    expect(rows.length).toBeGreaterThanOrEqual(14)
    for (const row of rows) {
      expect(row).toEqual({
        name: row.name,
        enabled: true,
        forced: true,
        roles:
          row.name === withoutOrganization ? ['reelpilot_runtime'] : ['reelpilot_api', 'reelpilot_runtime'],
      })
    }
  })

  it('shows the API role no rows outside of an organization, and no tokens', async () => {
    for (const table of [
      'plan',
      'slot',
      'event',
      'api_key',
      'quota',
      'scan',
      'media',
      'idempotency_key',
      'machine_instance',
      'unrecognised_code',
    ]) {
      const { rows } = await database.api.pool.query(`select count(*)::int as seen from ${table}`)
      expect(rows[0].seen, table).toBe(0)
    }
    for (const secret of [
      'access_token_sealed from account',
      'refresh_token_sealed from account',
      'verifier_sealed from connection_attempt',
      'payload from webhook_delivery',
    ]) {
      await expect(database.api.pool.query(`select ${secret}`), secret).rejects.toThrow(/permission denied/)
    }
  })
})
