import { beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../../support/database.ts'
import { waitUntil } from '../../../support/wait.ts'
import {
  type Answer,
  createDraft,
  createTenant,
  createTestApi,
  mutate,
  slotInput,
  type Tenant,
  type TestApi,
} from '../../support.ts'

let database: TestDatabase
let api: TestApi

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database)
})

const dayMinutes = 24 * 60
/** A tenant has 1,000 videos and 10,000 seconds in total, and every slot needs one video of four seconds. */
const newTenant = () => createTenant(database, api)

const sums = 'quota { metric period limit enforcement granted available reserved used }'
const set = (tenant: Tenant, input: object, fields = sums) => mutate(tenant, 'setQuotaLimit', input, fields)

async function quotasOf(tenant: Tenant, fields = 'granted available reserved used'): Promise<Answer[]> {
  const { quotas } = await tenant.request(`{ quotas { metric period ${fields} } }`)
  for (const { granted, available, reserved, used } of quotas) {
    if (granted !== undefined) expect(granted).toBe(available + reserved + used)
  }
  return quotas
}

async function quotaOf(tenant: Tenant, metric: string, period: string, fields?: string): Promise<Answer> {
  const quotas = await quotasOf(tenant, fields)
  return quotas.find((quota) => quota.metric === metric && quota.period === period)
}

/** An approved plan, autopilot off. */
async function createApproved(tenant: Tenant, minutes: readonly number[]) {
  const draft = await createDraft(tenant, minutes)
  await mutate(tenant, 'submitPlanForReview', { planId: draft.planId }, 'plan { id }')
  await mutate(tenant, 'approvePlan', { planId: draft.planId }, 'plan { id }')
  return draft
}

const startJob = /* GraphQL */ `
  mutation ($input: StartJobInput!) { startJob(input: $input) {
    __typename
    ... on StartJobPayload { job { id state } }
    ... on Error { code message }
    ... on QuotaExceededError { metric period available needed nextAvailableAt }
  } }`
const start = async (tenant: Tenant, slotId: string | undefined): Promise<Answer> =>
  (await tenant.request(startJob, { input: { slotId } })).startJob

describe('starting a job with quota', () => {
  it('is refused at a hard limit with the available amount and the next time, and changes nothing', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes, 4 * dayMinutes])
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 1 })
    expect(await start(tenant, slotIds[0])).toMatchObject({ __typename: 'StartJobPayload' })
    const before = await quotasOf(tenant)
    const { resetsAt } = await quotaOf(tenant, 'VIDEOS', 'DAY', 'resetsAt')

    expect(await start(tenant, slotIds[1])).toEqual({
      __typename: 'QuotaExceededError',
      code: 'QUOTA_EXCEEDED',
      message: `videos (day): 0 left, 1 needed; more is available at ${resetsAt}`,
      metric: 'VIDEOS',
      period: 'DAY',
      available: 0,
      needed: 1,
      nextAvailableAt: resetsAt,
    })
    expect(await quotasOf(tenant)).toEqual(before)
    const { node } = await tenant.request(
      'query ($id: ID!) { node(id: $id) { ... on Slot { claimedAt job { id } } } }',
      {
        id: slotIds[1],
      },
    )
    expect(node).toEqual({ claimedAt: null, job: null })

    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 2 })
    expect(await start(tenant, slotIds[1])).toMatchObject({ __typename: 'StartJobPayload' })
  })

  it('is permitted beyond a soft limit, and appends events', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes, 4 * dayMinutes])
    await set(tenant, { metric: 'UPLOADS', period: 'MONTH', amount: 1, enforcement: 'SOFT' })
    for (const slotId of slotIds) {
      expect(await start(tenant, slotId)).toMatchObject({ __typename: 'StartJobPayload' })
    }
    expect(
      await quotaOf(tenant, 'UPLOADS', 'MONTH', 'enforcement limit granted available reserved used'),
    ).toMatchObject({
      enforcement: 'SOFT',
      limit: 1,
      granted: 2,
      available: 0,
      reserved: 2,
    })
    const thresholdEvents = await eventsOf(tenant, ['quota.thresholdReached', 'quota.limitExceeded'])
    expect(thresholdEvents.map(({ type, payload }) => [type, payload.percent ?? payload.excess])).toEqual([
      ['quota.thresholdReached', 50],
      ['quota.thresholdReached', 80],
      ['quota.thresholdReached', 100],
      ['quota.limitExceeded', 1],
    ])
    expect(thresholdEvents[0].payload).toMatchObject({
      metric: 'uploads',
      period: 'month',
      granted: 1,
      committed: 1,
    })
  })

  it('is refused when the storage quota is used up', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes])
    await database.owner.pool.query(
      `insert into reelpilot.quota (organization_id, metric, period, is_hard, used) values ($1, 'storageBytes', 'total', false, 99)`,
      [tenant.organizationId],
    )
    expect(await set(tenant, { metric: 'STORAGE_BYTES', period: 'TOTAL', amount: 98 })).toMatchObject({
      fields: [{ path: 'amount', message: expect.stringContaining('99') }],
    })
    await set(tenant, { metric: 'STORAGE_BYTES', period: 'TOTAL', amount: 99 })
    expect(await start(tenant, slotIds[0])).toMatchObject({
      ...{ code: 'QUOTA_EXCEEDED', metric: 'STORAGE_BYTES', available: 0, needed: 1, nextAvailableAt: null },
    })
  })
})

describe('a quota grant', () => {
  it('counts from its start on, and the one that expires first is used first', async () => {
    const tenant = await newTenant()
    const [soon, later] = [2, 9].map((days) => new Date(Date.now() + days * 86_400_000).toISOString())
    const grant = (input: object) =>
      mutate(tenant, 'grantQuota', { metric: 'VIDEOS', ...input }, 'quota { granted }')
    expect(await grant({ amount: 5, validUntil: soon })).toMatchObject({ quota: { granted: 1_005 } })
    expect(await grant({ amount: 7, validFrom: soon, validUntil: later })).toMatchObject({
      quota: { granted: 1_005 },
    })
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes])
    await start(tenant, slotIds[0])
    const { grants } = await quotaOf(
      tenant,
      'VIDEOS',
      'TOTAL',
      'grants { amount available reserved used validFrom validUntil isValid }',
    )
    expect(grants).toEqual([
      { amount: 5, available: 4, reserved: 1, used: 0, validFrom: null, validUntil: soon, isValid: true },
      { amount: 7, available: 7, reserved: 0, used: 0, validFrom: soon, validUntil: later, isValid: false },
    ])
  })

  it('adds once to a shorter period if that has a limit', async () => {
    const tenant = await newTenant()
    const input = { metric: 'SECONDS', period: 'DAY', amount: 4 }
    expect(await mutate(tenant, 'grantQuota', input, sums)).toMatchObject({ fields: [{ path: 'period' }] })
    await set(tenant, { metric: 'SECONDS', period: 'DAY', amount: 4 })
    expect(await mutate(tenant, 'grantQuota', input, sums)).toMatchObject({
      quota: { period: 'DAY', limit: 4, granted: 8, available: 8 },
    })
    const { slotIds } = await createApproved(
      tenant,
      [3, 4, 5].map((days) => days * dayMinutes),
    )
    const started = []
    for (const slotId of slotIds) started.push((await start(tenant, slotId)).__typename)
    expect(started).toEqual(['StartJobPayload', 'StartJobPayload', 'QuotaExceededError'])
  })
})

describe('a scan with limited quota', () => {
  it('starts the slots that fit in their order, reports each shortage, and runs again after a grant', async () => {
    const tenant = await newTenant()
    await mutate(tenant, 'adjustQuota', { metric: 'SECONDS', amount: -9_989, reason: 'test' }, sums)
    const { planId } = await createDraft(tenant, [60])
    const long = { title: 'Long', size: { width: 360, height: 640 }, scenes: [{ seconds: 9, text: 'Nine' }] }
    const slots = [slotInput(70, { storyboard: long }), slotInput(80), slotInput(90)]
    await mutate(tenant, 'addSlots', { planId, slots }, 'plan { id }')
    await mutate(tenant, 'submitPlanForReview', { planId }, 'plan { id }')
    await mutate(tenant, 'setAutopilot', { planId, enabled: true }, 'plan { id }')
    expect(await mutate(tenant, 'approvePlan', { planId })).toMatchObject({
      scan: { consideredSlotCount: 4, startedJobCount: 2 },
    })
    const decisions = `query ($id: ID!) { plan(id: $id) { slots { nodes { decisions { nodes {
      outcome scan { reason } quotaShortage { metric period available needed nextAvailableAt } } } } } } }`
    const read = async () => (await tenant.request(decisions, { id: planId })).plan.slots.nodes
    const decided = await read()
    const short = (needed: number) => ({
      outcome: 'QUOTA_EXCEEDED',
      quotaShortage: { metric: 'SECONDS', period: 'TOTAL', needed, nextAvailableAt: null },
    })
    expect(decided[0].decisions.nodes).toMatchObject([{ outcome: 'ENQUEUED', quotaShortage: null }])
    expect(decided[1].decisions.nodes).toMatchObject([short(9)])
    expect(decided[1].decisions.nodes[0].quotaShortage.available).toBe(7)
    expect(decided[2].decisions.nodes).toMatchObject([{ outcome: 'ENQUEUED' }])
    expect(decided[3].decisions.nodes).toMatchObject([
      { outcome: 'QUOTA_EXCEEDED', quotaShortage: { available: 3 } },
    ])

    await mutate(tenant, 'grantQuota', { metric: 'SECONDS', amount: 100 }, 'quota { metric }')
    const reread = await read()
    expect(reread[1].decisions.nodes).toMatchObject([
      { outcome: 'ENQUEUED', scan: { reason: 'QUOTA' } },
      short(9),
    ])
    expect(reread[3].decisions.nodes[0]).toMatchObject({ outcome: 'ENQUEUED', scan: { reason: 'QUOTA' } })
  })
})

describe('the quota forecast of a plan', () => {
  it('reports at its approval from which day on quota is short, in the response and in an event', async () => {
    const tenant = await newTenant()
    const days = Array.from({ length: 28 }, (_, index) => 2 + index)
    const { planId } = await createDraft(
      tenant,
      days.map((day) => day * dayMinutes),
    )
    await mutate(tenant, 'adjustQuota', { metric: 'VIDEOS', amount: -980, reason: 'test' }, sums)
    await mutate(tenant, 'submitPlanForReview', { planId }, 'plan { id }')
    const fields = `metric period enforcement needed available firstShortfallAt shortfallSlotCount message
                    periods { startsAt endsAt needed neededByOtherPlans available }`
    const approve = () =>
      mutate(tenant, 'approvePlan', { planId, idempotencyKey: 'once' }, `quotaForecast { ${fields} }`)
    const { quotaForecast } = await approve()
    expect((await approve()).quotaForecast).toEqual(quotaForecast)

    const firstShortfallAt = new Date(Math.floor(Date.now() / 1_000) * 1_000 + 22 * 86_400_000)
    const [videos, seconds, uploads] = quotaForecast
    const near = Math.abs(Date.parse(videos.firstShortfallAt) - firstShortfallAt.getTime())
    expect(near).toBeLessThan(60_000)
    const day = new Date(videos.firstShortfallAt).toLocaleDateString('en-GB', {
      ...{ day: 'numeric', month: 'long', timeZone: 'UTC' },
    })
    expect(videos).toMatchObject({
      metric: 'VIDEOS',
      period: 'TOTAL',
      enforcement: 'HARD',
      needed: 28,
      available: 20,
      shortfallSlotCount: 8,
      message: `28 videos planned, 20 left: short from ${day}`,
      periods: [{ startsAt: null, endsAt: null, needed: 28, neededByOtherPlans: 0, available: 20 }],
    })
    expect(seconds).toMatchObject({
      needed: 112,
      available: 10_000,
      firstShortfallAt: null,
      shortfallSlotCount: 0,
    })
    expect(seconds.message).toBe('112 seconds planned, 10000 left: enough')
    expect(uploads).toMatchObject({
      needed: 28,
      available: null,
      enforcement: 'NONE',
      message: '28 uploads planned, no limit',
    })

    const [approved] = await eventsOf(tenant, ['plan.approved'])
    expect(approved.payload.quotaForecast[0]).toMatchObject({
      ...{
        metric: 'videos',
        needed: 28,
        available: 20,
        firstShortfallAt: videos.firstShortfallAt,
        message: videos.message,
      },
    })
    const { plan } = await tenant.request(
      `query ($id: ID!) { plan(id: $id) { quotaForecast { ${fields} } } }`,
      {
        id: planId,
      },
    )
    expect(plan.quotaForecast).toEqual(quotaForecast)
  })

  it('is calculated day by day, after the needs of other plans', async () => {
    const tenant = await newTenant()
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 2 })
    const noon = (days: number) => {
      const today = new Date().setUTCHours(12, 0, 0, 0)
      return (today + days * 86_400_000 - Date.now()) / 60_000
    }
    const other = await createDraft(tenant, [noon(5), noon(8)])
    await mutate(tenant, 'submitPlanForReview', { planId: other.planId }, 'plan { id }')
    await mutate(tenant, 'setAutopilot', { planId: other.planId, enabled: true }, 'plan { id }')
    await mutate(tenant, 'approvePlan', { planId: other.planId }, 'plan { id }')
    const { planId } = await createDraft(tenant, [
      ...[1, 2, 3, 4].map((minute) => noon(5) + minute),
      noon(8) + 1,
    ])
    const { plan } = await tenant.request(
      `query ($id: ID!) { plan(id: $id) { quotaForecast {
         metric period needed shortfallSlotCount firstShortfallAt periods { needed neededByOtherPlans available } } slots { nodes { publishAt } } } }`,
      { id: planId },
    )
    const [, daily] = plan.quotaForecast.filter(({ metric }: Answer) => metric === 'VIDEOS')
    expect(daily).toMatchObject({
      period: 'DAY',
      needed: 5,
      // Four jobs fit into the day before the slots are due and that day, and one of them is the other plan's.
      shortfallSlotCount: 1,
      firstShortfallAt: plan.slots.nodes[3].publishAt,
      periods: [
        { needed: 2, neededByOtherPlans: 1, available: 2 },
        { needed: 2, neededByOtherPlans: 0, available: 2 },
        { needed: 1, neededByOtherPlans: 1, available: 2 },
      ],
    })
  })
})

it('a metric without a limit is unlimited but counted, until a limit is set', async () => {
  const tenant = await createTenant(database, api)
  const { slotIds } = await createApproved(tenant, [60])
  expect(await start(tenant, slotIds[0])).toMatchObject({ __typename: 'StartJobPayload' })
  const uploads = () =>
    quotaOf(tenant, 'UPLOADS', 'TOTAL', 'enforcement limit isUnlimited available reserved')
  expect(await uploads()).toMatchObject({
    enforcement: 'NONE',
    limit: null,
    isUnlimited: true,
    available: null,
    reserved: 1,
  })
  await set(tenant, { metric: 'UPLOADS', period: 'TOTAL', amount: 3, enforcement: 'HARD' })
  expect(await uploads()).toMatchObject({ limit: 3, isUnlimited: false, available: 2, reserved: 1 })
  const forecast = await tenant.request(
    '{ plans { nodes { quotaForecast { metric enforcement available } } } }',
  )
  for (const { enforcement, available } of forecast.plans.nodes[0].quotaForecast)
    expect(available === null).toBe(enforcement === 'NONE')
})

describe('the quota ledger', () => {
  it('lists every entry with its job, its reason and the balance, page by page', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes])
    const { job } = await start(tenant, slotIds[0])
    await mutate(
      tenant,
      'grantQuota',
      { metric: 'VIDEOS', amount: 5, reason: 'a present' },
      'quota { metric }',
    )
    await mutate(
      tenant,
      'adjustQuota',
      { metric: 'VIDEOS', amount: -4, reason: 'a mistake' },
      'quota { metric }',
    )
    const query = `query ($first: Int, $after: String) { quotaEntries(metric: VIDEOS, first: $first, after: $after) {
      nodes { kind amount balance reason job { id } periodStartsAt } pageInfo { hasNextPage endCursor } } }`
    const { quotaEntries: all } = await tenant.request(query)
    expect(all.nodes).toEqual([
      { kind: 'ADJUST', amount: -4, balance: 1_000, reason: 'a mistake', job: null, periodStartsAt: null },
      { kind: 'GRANT', amount: 5, balance: 1_004, reason: 'a present', job: null, periodStartsAt: null },
      { kind: 'RESERVE', amount: 1, balance: 999, reason: null, job: { id: job.id }, periodStartsAt: null },
      { kind: 'GRANT', amount: 1_000, balance: 1_000, reason: null, job: null, periodStartsAt: null },
    ])
    const { quotaEntries: first } = await tenant.request(query, { first: 3 })
    const { quotaEntries: rest } = await tenant.request(query, { first: 3, after: first.pageInfo.endCursor })
    expect([...first.nodes, ...rest.nodes]).toEqual(all.nodes)
    expect([first, rest].map(({ pageInfo }) => pageInfo.hasNextPage)).toEqual([true, false])
  })

  it('is checked by an audit, which reports every mismatch', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes, 4 * dayMinutes])
    const { job } = await start(tenant, slotIds[0])
    const other = (await start(tenant, slotIds[1])).job
    const audit = async () =>
      (await tenant.request('{ quotaAudit { code message metric period job { id } expected actual } }'))
        .quotaAudit
    expect(await audit()).toEqual([])

    const bare = (id: string) => Buffer.from(id, 'base64url').toString().split(':')[1]
    const { pool } = database.owner
    const mine = [tenant.organizationId]
    await pool.query(
      `update reelpilot.quota set used = 3 where organization_id = $1 and metric = 'seconds'`,
      mine,
    )
    await pool.query(
      `update reelpilot.machine_instance set state = 'failed', tag = 'final', step = null, timers = '{}', wake_at = null where id = $1`,
      [bare(job.id)],
    )
    await pool.query(
      `insert into reelpilot.media values ($1, repeat('a', 64), 7, 1, 1, 1, 'video/mp4')`,
      mine,
    )
    expect(await audit()).toEqual([
      ...['seconds', 'uploads', 'videos'].flatMap((metric) => [
        {
          code: 'UNSETTLED_RESERVATION',
          message: 'the job has ended and its reservation is not settled',
          metric: metric.toUpperCase(),
          period: 'TOTAL',
          job: { id: job.id },
          expected: 0,
          actual: metric === 'seconds' ? 4 : 1,
        },
        ...(metric === 'seconds'
          ? [
              {
                code: 'SUM_MISMATCH',
                message: 'the used amount is not the sum of its entries',
                ...{ metric: 'SECONDS', period: 'TOTAL', job: null, expected: 0, actual: 3 },
              },
              {
                code: 'STORAGE_MISMATCH',
                message: 'the bytes in use are not the bytes of the stored files',
                ...{ metric: 'STORAGE_BYTES', period: 'TOTAL', job: null, expected: 7, actual: 0 },
              },
            ]
          : []),
      ]),
    ])
    await pool.query(`delete from reelpilot.quota_entry where job_id = $1`, [bare(other.id)])
    await pool.query(
      `update reelpilot.machine_instance set context = context || '{"reserved":true}' where id = $1`,
      [bare(other.id)],
    )
    expect(await audit()).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ code: 'MISSING_RESERVATION', job: { id: other.id } }),
      ]),
    )
  })

  it('is followed by a subscription: reservations, thresholds, grants, limits and corrections', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes])
    await set(tenant, { metric: 'VIDEOS', period: 'MONTH', amount: 2 })
    await start(tenant, slotIds[0])
    await mutate(tenant, 'grantQuota', { metric: 'VIDEOS', amount: 5 }, 'quota { metric }')
    await mutate(tenant, 'adjustQuota', { metric: 'VIDEOS', amount: 1, reason: 'test' }, 'quota { metric }')
    const response = await tenant.post(
      'subscription { quotaEvents(after: 0) { type payload } }',
      {},
      { accept: 'text/event-stream' },
    )
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    await waitUntil(
      async () => {
        text += (await reader?.read())?.value ?? ''
        return text
      },
      (seen) => seen.includes('quota.adjusted'),
    )
    await reader?.cancel()
    const types = [...text.matchAll(/"type":"(quota\.\w+)"/g)].map(([, type]) => type)
    expect(types).toEqual([
      'quota.limitChanged',
      'quota.reserved',
      'quota.thresholdReached',
      'quota.granted',
      'quota.adjusted',
    ])
    expect(text).toContain('"amounts":{"videos":1,"seconds":4,"uploads":1}')
  })

  it('notifies of a threshold once per period, also when a limit is lowered to it', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(
      tenant,
      [3, 4, 5].map((days) => days * dayMinutes),
    )
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 10 })
    for (const slotId of slotIds) await start(tenant, slotId)
    expect(await eventsOf(tenant, ['quota.thresholdReached'])).toEqual([])
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 4 })
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 10 })
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 3 })
    const thresholdEvents = await eventsOf(tenant, ['quota.thresholdReached'])
    expect(thresholdEvents.map(({ payload }) => payload.percent)).toEqual([50, 80, 100])
  })
})

describe('a quota limit', () => {
  it('can be set for each period, all of them apply, and a removed one does not', async () => {
    const tenant = await newTenant()
    await set(tenant, { metric: 'UPLOADS', period: 'ROLLING', windowSeconds: 3_600, amount: 1 })
    await set(tenant, { metric: 'UPLOADS', period: 'MONTH', amount: 9 })
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes, 4 * dayMinutes])
    await start(tenant, slotIds[0])
    const refused = await start(tenant, slotIds[1])
    expect(refused).toMatchObject({ metric: 'UPLOADS', period: 'ROLLING', available: 0 })
    const wait = Date.parse(refused.nextAvailableAt) - Date.now()
    expect(wait).toBeGreaterThan(3_500_000)
    expect(wait).toBeLessThanOrEqual(3_600_000)

    expect(await set(tenant, { metric: 'UPLOADS', period: 'ROLLING' })).toMatchObject({ quota: null })
    expect(await start(tenant, slotIds[1])).toMatchObject({ __typename: 'StartJobPayload' })
    expect(await quotaOf(tenant, 'UPLOADS', 'MONTH')).toMatchObject({ available: 7, reserved: 2 })
  })

  it('permits usage without a grant, and without either a job is refused', async () => {
    const tenant = await newTenant()
    await database.owner.pool.query('delete from reelpilot.quota_entry where organization_id = $1', [
      tenant.organizationId,
    ])
    await database.owner.pool.query('delete from reelpilot.quota where organization_id = $1', [
      tenant.organizationId,
    ])
    expect(await quotasOf(tenant)).toEqual([])
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes])
    const nothing = { available: 0, needed: 1, nextAvailableAt: null }
    expect(await start(tenant, slotIds[0])).toMatchObject({ metric: 'VIDEOS', period: 'TOTAL', ...nothing })
    await set(tenant, { metric: 'VIDEOS', period: 'MONTH', amount: 3 })
    expect(await start(tenant, slotIds[0])).toMatchObject({ metric: 'SECONDS', period: 'TOTAL', needed: 4 })
    await set(tenant, { metric: 'SECONDS', period: 'MONTH', amount: 100 })
    expect(await start(tenant, slotIds[0])).toMatchObject({ __typename: 'StartJobPayload' })
  })
})

describe('invalid input for quotas', () => {
  const future = new Date(Date.now() + 86_400_000).toISOString()
  const past = new Date(Date.now() - 86_400_000).toISOString()
  it.each<[string, object, string]>([
    ['grantQuota', { metric: 'VIDEOS', amount: 0 }, 'amount'],
    ['grantQuota', { metric: 'VIDEOS', amount: -5 }, 'amount'],
    ['grantQuota', { metric: 'VIDEOS', amount: 2 ** 53 - 1 }, 'amount'],
    ['grantQuota', { metric: 'VIDEOS', amount: 1, reason: 'x'.repeat(501) }, 'reason'],
    ['grantQuota', { metric: 'VIDEOS', amount: 1, validFrom: future, validUntil: past }, 'validUntil'],
    ['grantQuota', { metric: 'VIDEOS', amount: 1, validUntil: past }, 'validUntil'],
    ['grantQuota', { metric: 'VIDEOS', amount: 1, period: 'MONTH' }, 'period'],
    ['grantQuota', { metric: 'STORAGE_BYTES', amount: 1, period: 'DAY' }, 'period'],
    ['setQuotaLimit', { metric: 'VIDEOS', period: 'DAY', amount: 0 }, 'amount'],
    ['setQuotaLimit', { metric: 'VIDEOS', period: 'DAY', amount: -1 }, 'amount'],
    ['setQuotaLimit', { metric: 'VIDEOS', period: 'ROLLING', amount: 5 }, 'windowSeconds'],
    ['setQuotaLimit', { metric: 'VIDEOS', period: 'ROLLING', amount: 5, windowSeconds: 0 }, 'windowSeconds'],
    ['setQuotaLimit', { metric: 'VIDEOS', period: 'DAY', amount: 5, windowSeconds: 60 }, 'windowSeconds'],
    ['setQuotaLimit', { metric: 'STORAGE_BYTES', period: 'MONTH', amount: 5 }, 'period'],
    ['adjustQuota', { metric: 'VIDEOS', amount: 0, reason: 'x' }, 'amount'],
    ['adjustQuota', { metric: 'VIDEOS', amount: -1_000, reason: 'x' }, 'amount'],
    ['adjustQuota', { metric: 'VIDEOS', amount: 1, reason: '  ' }, 'reason'],
    ['adjustQuota', { metric: 'VIDEOS', period: 'DAY', amount: 1, reason: 'x' }, 'period'],
    ['adjustQuota', { metric: 'UPLOADS', amount: 1, reason: 'x' }, 'period'],
    ['setTimeZone', { timeZone: 'Mars/Olympus' }, 'timeZone'],
  ])('to %s, %o, is refused with the path %s and changes nothing', async (name, input, path) => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes])
    await start(tenant, slotIds[0])
    const read = async () => (await database.owner.pool.query(ledgerQuery, [tenant.organizationId])).rows
    const before = await read()
    expect(await mutate(tenant, name, input, '__typename')).toMatchObject({
      __typename: 'InvalidInputError',
      fields: [{ path }],
    })
    expect(await read()).toEqual(before)
  })

  it('includes a hard limit below the reserved and used amount; a soft one is accepted', async () => {
    const tenant = await newTenant()
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes, 4 * dayMinutes])
    for (const slotId of slotIds) await start(tenant, slotId)
    const limit = { metric: 'UPLOADS', period: 'TOTAL', amount: 1 }
    expect(await set(tenant, limit)).toMatchObject({
      fields: [{ path: 'amount', message: 'is less than the 2 that are already reserved or used' }],
    })
    expect(await set(tenant, { ...limit, enforcement: 'SOFT' })).toMatchObject({
      quota: { limit: 1, enforcement: 'SOFT', granted: 2, available: 0 },
    })
  })

  it('includes a fraction, an unknown period and an unknown metric, which validation refuses', async () => {
    const tenant = await newTenant()
    const attempt = async (input: object) => {
      const query = `mutation ($input: SetQuotaLimitInput!) { setQuotaLimit(input: $input) { __typename } }`
      return await (await tenant.post(query, { input })).json()
    }
    const limit = { metric: 'VIDEOS', period: 'DAY', amount: 5 }
    for (const [field, value] of [
      ['amount', 1.5],
      ['period', 'FORTNIGHT'],
      ['metric', 'SMILES'],
    ] as const) {
      expect(await attempt({ ...limit, [field]: value })).toMatchObject({
        errors: [
          { message: expect.stringContaining(`input.${field}`), extensions: { code: 'BAD_USER_INPUT' } },
        ],
      })
    }
  })

  it('a key without the admin scope is refused as forbidden', async () => {
    const writer = await createTenant(database, api, ['write'])
    for (const [name, input] of [
      ['setQuotaLimit', 'metric: VIDEOS, period: DAY, amount: 1'],
      ['adjustQuota', 'metric: VIDEOS, amount: 1, reason: "x"'],
      ['setTimeZone', 'timeZone: "UTC"'],
    ]) {
      const response = await writer.post(`mutation { ${name}(input: { ${input} }) { __typename } }`)
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    }
  })
})

describe('the time zone of an organization', () => {
  it('moves the current day with it, and does not restore used quota', async () => {
    const tenant = await newTenant()
    await set(tenant, { metric: 'VIDEOS', period: 'DAY', amount: 1 })
    const { slotIds } = await createApproved(tenant, [3 * dayMinutes, 4 * dayMinutes])
    await start(tenant, slotIds[0])
    for (const timeZone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'UTC', 'Asia/Kathmandu']) {
      const zone = 'organization { timeZone }'
      expect(await mutate(tenant, 'setTimeZone', { timeZone }, zone)).toMatchObject({
        organization: { timeZone },
      })
      const daily = await quotaOf(tenant, 'VIDEOS', 'DAY', 'startsAt resetsAt available reserved')
      expect(daily).toMatchObject({ available: 0, reserved: 1 })
      const midnight = new Date(daily.resetsAt).toLocaleTimeString('en-GB', { timeZone })
      expect(midnight).toBe('00:00:00')
      expect(await start(tenant, slotIds[1])).toMatchObject({
        code: 'QUOTA_EXCEEDED',
        nextAvailableAt: daily.resetsAt,
      })
    }
  })
})

async function eventsOf(tenant: Tenant, types: readonly string[]): Promise<Answer[]> {
  const { events } = await tenant.request('{ events(first: 100) { nodes { type payload } } }')
  return events.nodes.filter(({ type }: { type: string }) => types.includes(type))
}

const ledgerQuery = `
  select (select json_agg(q order by q.id) from reelpilot.quota q where q.organization_id = $1) as quotas,
         (select json_agg(e order by e.id) from reelpilot.quota_entry e where e.organization_id = $1) as entries,
         (select json_agg(l) from reelpilot.quota_limit l where l.organization_id = $1) as limits,
         (select count(*) from reelpilot.event where organization_id = $1) as events,
         (select time_zone from reelpilot.organization where id = $1) as zone`
