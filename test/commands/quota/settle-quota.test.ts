import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { insertConnectedAccount } from '../../../src/commands/account/insert-account.ts'
import { startJob } from '../../../src/commands/job/start-job.ts'
import { adjustQuota } from '../../../src/commands/quota/adjust-quota.ts'
import { grantQuota } from '../../../src/commands/quota/grant-quota.ts'
import { openQuotaPeriods, quotaMomentOf } from '../../../src/commands/quota/quota-period.ts'
import { reserveQuota } from '../../../src/commands/quota/reserve-quota.ts'
import { setQuotaLimit } from '../../../src/commands/quota/set-quota-limit.ts'
import { recordUsage, settleJobQuota } from '../../../src/commands/quota/settle-quota.ts'
import type { StepContext } from '../../../src/durable/step.ts'
import { closeJob } from '../../../src/steps/close-job.ts'
import { reserveQuota as reserveStep } from '../../../src/steps/reserve-quota.ts'
import type { StepDeps } from '../../../src/steps/step-deps.ts'
import { grantQuota as addToQuota, setQuotaLimit as setLimit } from '../../../src/store/quota/adjustments.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { listQuotas } from '../../../src/store/quota/quotas.ts'
import type { Metric, QuotaPeriod } from '../../../src/store/quota/tables.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { insertSentJob } from '../../support/sent-job.ts'
import { shortStoryboard } from '../../support/worker-fixture.ts'

const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const { db, pool } = database.runtime
const stepDeps = { db, videos: {} } as unknown as StepDeps // All that these steps need of a job without a clip.

/** An organization with quota, and slots without jobs. */
async function createOrganizationWithSlots(slots: number, videos = 1_000) {
  const organizationId = await createOrganization(database)
  const [accountId, planId] = [randomUUID(), randomUUID()]
  const tokens = {
    accessTokenSealed: 'a',
    refreshTokenSealed: 'r',
    expiresInSeconds: 7_200,
    refreshExpiresInSeconds: 9_000_000,
  }
  const creator = { openId: accountId, username: 'creator', displayName: 'Creator', scopes: [] }
  await insertConnectedAccount(db, { accountId, organizationId, creator, tokens })
  await db
    .insertInto('plan')
    .values({
      id: planId,
      organization_id: organizationId,
      account_id: accountId,
      name: 'Plan',
      time_zone: 'UTC',
      state: 'approved',
      revision: 1,
    })
    .execute()
  const publishAt = new Date(Date.now() + 3 * 86_400_000)
  const rows = Array.from({ length: slots }, () => ({
    ...{
      id: randomUUID(),
      organization_id: organizationId,
      plan_id: planId,
      wall_time: '',
      publish_at: publishAt,
    },
    ...{ storyboard: JSON.stringify(shortStoryboard), caption: '', privacy: 'SELF_ONLY' as const },
  }))
  if (slots > 0) await db.insertInto('slot').values(rows).execute()
  await addToQuota(db, organizationId, { metric: 'videos', amount: videos }, null)
  await addToQuota(db, organizationId, { metric: 'seconds', amount: 10_000 }, null)
  return { organizationId, accountId, slotIds: rows.map(({ id }) => id) }
}

const start = (organizationId: string, slotId = '') =>
  db.transaction().execute((tx) => startJob(tx, deps, { organizationId, slotId }))

async function startOne() {
  const { organizationId, slotIds } = await createOrganizationWithSlots(1)
  const started = await start(organizationId, slotIds[0])
  if (started.kind !== 'started') throw new Error(started.kind)
  return { organizationId, jobId: started.jobId }
}

async function statusOf(
  organizationId: string,
  metric: Metric,
  period: QuotaPeriod = 'total',
  at = Date.now(),
) {
  const quotas = await db
    .transaction()
    .execute(async (tx) => listQuotas(tx, await quotaMomentOf(tx, { organizationId, at })))
  const found = quotas.find((quota) => quota.metric === metric && quota.period === period)
  return found && { available: found.available, reserved: found.reserved, used: found.used }
}

const contextOf = (organizationId: string, jobId: string): StepContext => ({
  ...{ organizationId, jobId, key: jobId, mayHaveBegun: false },
  ...{ signal: AbortSignal.timeout(30_000), now: () => Date.now(), fence: async () => undefined },
})
const close = ({ organizationId, jobId }: { organizationId: string; jobId: string }, used: boolean) =>
  closeJob(stepDeps, contextOf(organizationId, jobId), { clip: null, used })

async function typesOf(organizationId: string): Promise<readonly string[]> {
  const events = await db
    .selectFrom('event')
    .select('type')
    .where('organization_id', '=', organizationId)
    .where('type', 'like', 'quota.%')
    .orderBy('sequence')
    .execute()
  return events.map(({ type }) => type)
}

describe('closing a job', () => {
  it('releases its reservation if it made no video and no upload', async () => {
    const job = await startOne()
    expect(await statusOf(job.organizationId, 'uploads')).toEqual({ available: 0, reserved: 1, used: 0 })
    await close(job, false)
    expect(await statusOf(job.organizationId, 'videos')).toEqual({ available: 1_000, reserved: 0, used: 0 })
    expect(await statusOf(job.organizationId, 'uploads')).toEqual({ available: 0, reserved: 0, used: 0 })
    expect(await typesOf(job.organizationId)).toEqual(['quota.reserved', 'quota.released'])
  })

  it('commits its video, and releases an upload that was not completed', async () => {
    const job = await startOne()
    await close(job, true)
    expect(await statusOf(job.organizationId, 'seconds')).toEqual({ available: 9_997, reserved: 0, used: 3 })
    expect(await statusOf(job.organizationId, 'uploads')).toEqual({ available: 0, reserved: 0, used: 0 })
    expect(await typesOf(job.organizationId)).toEqual(['quota.reserved', 'quota.committed', 'quota.released'])
  })

  it('commits its upload if the last chunk was accepted', async () => {
    const job = await startOne()
    await pool.query(`update machine_instance set context = context || '{"sentAt": 1}' where id = $1`, [
      job.jobId,
    ])
    await close(job, true)
    expect(await statusOf(job.organizationId, 'uploads')).toEqual({ available: 0, reserved: 0, used: 1 })
  })

  it('does not release what was already committed', async () => {
    const { organizationId, jobId } = await startOne()
    const verdicts = { videos: 'commit', seconds: 'commit' } as const
    await db.transaction().execute((tx) => settleJobQuota(tx, { organizationId, jobId }, verdicts))
    await close({ organizationId, jobId }, false)
    await close({ organizationId, jobId }, false)
    expect(await statusOf(organizationId, 'videos')).toEqual({ available: 999, reserved: 0, used: 1 })
    expect(await typesOf(organizationId)).toEqual(['quota.reserved', 'quota.committed', 'quota.released'])
  })
})

describe('the passage of time', () => {
  const noon = Date.parse('2026-03-14T12:00Z')
  const dayMs = 86_400_000
  const needs = { slotId: randomUUID(), seconds: 3, isGenerated: true }

  it('leaves a reservation in the day in which it was made', async () => {
    const { organizationId } = await createOrganizationWithSlots(0)
    const jobId = await anyJob(organizationId)
    await limit(organizationId, 'day', 5, noon)
    await db.transaction().execute(async (tx) => {
      const moment = await openQuotaPeriods(tx, { organizationId, at: noon })
      expect((await reserveQuota(tx, moment, { jobId, ...needs })).kind).toBe('reserved')
    })
    expect(await statusOf(organizationId, 'videos', 'day', noon)).toEqual({
      available: 4,
      reserved: 1,
      used: 0,
    })
    await db.transaction().execute((tx) => openQuotaPeriods(tx, { organizationId, at: noon + dayMs }))
    await db
      .transaction()
      .execute((tx) => settleJobQuota(tx, { organizationId, jobId }, { videos: 'commit' }))
    expect(await statusOf(organizationId, 'videos', 'day', noon)).toEqual({
      available: 4,
      reserved: 0,
      used: 1,
    })
    expect(await statusOf(organizationId, 'videos', 'day', noon + dayMs)).toEqual({
      available: 5,
      reserved: 0,
      used: 0,
    })
    expect(await auditQuota(db, organizationId)).toEqual([])
  })

  it('removes old usage from a sliding window, also if it is committed late', async () => {
    const { organizationId } = await createOrganizationWithSlots(0)
    const jobId = await anyJob(organizationId)
    await limit(organizationId, 'rolling', 5, noon, 3_600)
    await db.transaction().execute(async (tx) => {
      const moment = await openQuotaPeriods(tx, { organizationId, at: noon })
      await reserveQuota(tx, moment, { jobId, ...needs })
    })
    const later = noon + 2 * 3_600_000
    await db.transaction().execute((tx) => openQuotaPeriods(tx, { organizationId, at: later }))
    // The reservation is not settled yet, so it still counts.
    expect(await statusOf(organizationId, 'videos', 'rolling', later)).toEqual({
      available: 4,
      reserved: 1,
      used: 0,
    })
    await db
      .transaction()
      .execute((tx) => settleJobQuota(tx, { organizationId, jobId }, { videos: 'commit' }))
    expect(await auditQuota(db, organizationId)).toEqual([])
    expect(await statusOf(organizationId, 'videos', 'rolling', later)).toEqual({
      available: 5,
      reserved: 0,
      used: 0,
    })
    expect(await statusOf(organizationId, 'videos', 'total', later)).toEqual({
      available: 999,
      reserved: 0,
      used: 1,
    })
  })

  it('ends a grant: its balance expires, and its reservations are settled in it', async () => {
    const { organizationId } = await createOrganizationWithSlots(0, 10)
    const jobId = await anyJob(organizationId)
    const terms = { period: 'total', validFrom: null, validUntil: new Date(noon + dayMs) } as const
    await addToQuota(db, organizationId, { metric: 'videos', amount: 3 }, null, terms)
    await db.transaction().execute(async (tx) => {
      const moment = await openQuotaPeriods(tx, { organizationId, at: noon })
      await reserveQuota(tx, moment, { jobId, ...needs })
    })
    expect(await statusOf(organizationId, 'videos', 'total', noon)).toEqual({
      available: 12,
      reserved: 1,
      used: 0,
    })
    const after = noon + 2 * dayMs
    expect(await statusOf(organizationId, 'videos', 'total', after)).toEqual({
      available: 10,
      reserved: 0,
      used: 0,
    })
    await db
      .transaction()
      .execute((tx) => settleJobQuota(tx, { organizationId, jobId }, { videos: 'release' }))
    expect(await statusOf(organizationId, 'videos', 'total', after)).toEqual({
      available: 10,
      reserved: 0,
      used: 0,
    })
    expect(await statusOf(organizationId, 'videos', 'total', noon)).toEqual({
      available: 13,
      reserved: 0,
      used: 0,
    })
  })

  async function limit(
    organizationId: string,
    period: QuotaPeriod,
    amount: number,
    at: number,
    windowSeconds: number | null = null,
  ) {
    await db.transaction().execute(async (tx) => {
      const moment = await quotaMomentOf(tx, { organizationId, at })
      await setLimit(tx, moment, { metric: 'videos', period }, { amount, isHard: true, windowSeconds }, null)
    })
  }

  async function anyJob(organizationId: string): Promise<string> {
    const accountId = await newAccount(organizationId)
    const jobId = await insertSentJob(database, { organizationId, accountId, publishId: randomUUID() })
    await pool.query(`update machine_instance set context = context || '{"reserved": false}' where id = $1`, [
      jobId,
    ])
    return jobId
  }

  async function newAccount(organizationId: string): Promise<string> {
    const { rows } = await pool.query('select id from account where organization_id = $1', [organizationId])
    return rows[0].id
  }
})

describe('usage without a reservation', () => {
  it('is recorded once per key, also beyond a hard limit', async () => {
    const { organizationId, slotIds } = await createOrganizationWithSlots(2)
    const started = await start(organizationId, slotIds[0])
    const jobId = started.kind === 'started' ? started.jobId : ''
    await db.transaction().execute((tx) =>
      setQuotaLimit(tx, deps, {
        ...{ organizationId, metric: 'providerSpend', period: 'month', amount: 300_000 },
        ...{ isHard: true, windowSeconds: null, reason: null },
      }),
    )
    const spend = (key: string) =>
      db.transaction().execute((tx) =>
        recordUsage(tx, {
          organizationId,
          at: Date.now(),
          jobId,
          metric: 'providerSpend',
          amount: 250_000,
          key,
        }),
      )
    for (const key of ['first', 'first', 'second', 'first']) await spend(key)
    expect(await statusOf(organizationId, 'providerSpend', 'month')).toEqual({
      available: 0,
      reserved: 0,
      used: 500_000,
    })
    expect(await start(organizationId, slotIds[1])).toMatchObject({
      ...{ kind: 'quotaShort', metric: 'providerSpend', period: 'month', available: 0, needed: 1 },
    })
    expect(await auditQuota(db, organizationId)).toEqual([])
  })
})

describe('the step `reserveQuota`', () => {
  const step = (organizationId: string, jobId: string) =>
    reserveStep(stepDeps, contextOf(organizationId, jobId), { seconds: 3, isGenerated: true })

  it('accepts the reservation that was made with the job', async () => {
    const { organizationId, jobId } = await startOne()
    expect(await step(organizationId, jobId)).toMatchObject({ kind: 'done' })
    expect(await statusOf(organizationId, 'videos')).toEqual({ available: 999, reserved: 1, used: 0 })
  })

  it('reserves once for a job without a reservation, also concurrently, and needs a person without quota', async () => {
    const { organizationId, accountId } = await createOrganizationWithSlots(0, 1)
    const oldJob = () => insertSentJob(database, { organizationId, accountId, publishId: randomUUID() })
    const [first, second] = [await oldJob(), await oldJob()]
    const outcomes = await Promise.all(Array.from({ length: 5 }, () => step(organizationId, first)))
    expect(outcomes.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'done'))
    expect(await statusOf(organizationId, 'videos')).toEqual({ available: 0, reserved: 1, used: 0 })
    expect(await step(organizationId, second)).toMatchObject({
      kind: 'notDone',
      error: { kind: 'needsPerson', failure: { code: 'QUOTA_EXCEEDED' } },
    })
  })
})

it('concurrent starts, ends, grants, limits and corrections of quota never deadlock and keep its balances right', async () => {
  const { organizationId, slotIds } = await createOrganizationWithSlots(40)
  // The slots are due within a day and on autopilot, so every grant and change of a limit starts jobs too.
  await pool.query(`update slot set publish_at = now() + interval '1 hour' where organization_id = $1`, [
    organizationId,
  ])
  await pool.query('update plan set autopilot = true where organization_id = $1', [organizationId])
  const run = <Result>(work: Parameters<ReturnType<typeof db.transaction>['execute']>[0]) =>
    db.transaction().execute(work) as Promise<Result>
  const request = { organizationId, reason: 'test', windowSeconds: null }
  await Promise.all(
    slotIds.flatMap((slotId, index) => [
      start(organizationId, slotId).then(async (started) => {
        if (started.kind !== 'started' && started.kind !== 'exists') throw new Error(started.kind)
        const { jobId } = started
        await close({ organizationId, jobId }, index % 2 === 0)
      }),
      ...(index % 4 === 0
        ? [
            run((tx) => grantQuota(tx, deps, { ...request, metric: 'videos', amount: 1 })),
            run((tx) =>
              setQuotaLimit(tx, deps, {
                ...request,
                metric: 'seconds',
                period: 'month',
                amount: 500 + index,
                isHard: false,
              }),
            ),
            run((tx) =>
              adjustQuota(tx, deps, { ...request, metric: 'seconds', period: 'total', amount: -1 }),
            ),
            run((tx) =>
              recordUsage(tx, {
                organizationId,
                at: Date.now(),
                jobId: null,
                metric: 'providerSpend',
                amount: 1,
                key: slotId,
              }),
            ),
          ]
        : []),
    ]),
  )
  await pool.query(
    `update machine_instance set state = 'failed', tag = 'final', step = null, timers = '{}', wake_at = null where organization_id = $1 and machine = 'job'`,
    [organizationId],
  )
  expect(await auditQuota(db, organizationId)).toEqual([])
  expect(await statusOf(organizationId, 'videos')).toEqual({ available: 990, reserved: 0, used: 20 })
  expect(await statusOf(organizationId, 'seconds')).toEqual({ available: 9_930, reserved: 0, used: 60 })
  expect(await statusOf(organizationId, 'providerSpend')).toEqual({ available: 0, reserved: 0, used: 10 })
})
