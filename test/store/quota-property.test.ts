import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  openQuotaPeriods,
  quotaMetrics,
  quotaMomentIn,
  quotaPeriods,
} from '../../src/commands/quota/quota-period.ts'
import { needsOfJob, reserveQuota } from '../../src/commands/quota/reserve-quota.ts'
import { recordUsage } from '../../src/commands/quota/settle-quota.ts'
import type { Tx } from '../../src/store/database.ts'
import { adjustQuota, grantQuota, setQuotaLimit } from '../../src/store/quota/adjustments.ts'
import { auditQuota } from '../../src/store/quota/audit.ts'
import { setTimeZone } from '../../src/store/quota/balances.ts'
import { hasLimit, listQuotas } from '../../src/store/quota/quotas.ts'
import { settleQuota } from '../../src/store/quota/reservations.ts'
import type { Metric, QuotaPeriod } from '../../src/store/quota/tables.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { QuotaModel } from './quota-model.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)

const hourMs = 3_600_000
/** Zones with a time just before a clock change, at which midnight is skipped, repeated or an hour away. */
const beginnings = fc.constantFrom(
  ['UTC', '2026-02-27T12:00Z'],
  ['Europe/Berlin', '2026-03-27T20:00Z'],
  ['Europe/Berlin', '2026-10-23T20:00Z'],
  ['America/Santiago', '2026-09-04T20:00Z'],
  ['Atlantic/Azores', '2026-10-23T20:00Z'],
  ['Africa/Cairo', '2026-04-22T20:00Z'],
  ['Australia/Lord_Howe', '2026-10-02T12:00Z'],
)
/** Videos and seconds are often changed together, because a job needs both. */
const metrics = fc.constantFrom<readonly Metric[]>(
  ['videos', 'seconds'],
  ['videos', 'seconds'],
  ['videos'],
  ['seconds'],
  ['uploads'],
  ['providerSpend'],
)
const metric = fc.constantFrom<Metric>('videos', 'seconds', 'uploads', 'providerSpend')
const period = fc.constantFrom<QuotaPeriod>('total', 'day', 'month', 'rolling')
const hours = fc.integer({ min: -30, max: 60 })

const operation = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('reserve'),
      seconds: fc.integer({ min: 1, max: 20 }),
      isGenerated: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('settle'), pick: fc.nat(), isUsed: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('pass'), minutes: fc.integer({ min: 1, max: 2_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('grant'),
      metrics,
      period: fc.oneof({ weight: 3, arbitrary: fc.constant<QuotaPeriod>('total') }, period),
      amount: fc.integer({ min: 1, max: 40 }),
      from: fc.option(hours),
      lasts: fc.option(fc.integer({ min: 1, max: 80 })),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('limit'),
      metrics,
      period,
      amount: fc.option(fc.integer({ min: 1, max: 30 }), { freq: 6 }),
      hard: fc.boolean(),
      span: fc.integer({ min: 60, max: 200_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('adjust'),
      metric,
      period,
      amount: fc.integer({ min: -20, max: 20 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('use'), amount: fc.integer({ min: 1, max: 10 }) }) },
)
type Operation = typeof operation extends fc.Arbitrary<infer Value> ? Value : never

/** A job that has reserved, and how many metrics. */
interface Reserved {
  readonly jobId: string
  readonly metrics: number
}

it('quota balances match the model through random grants, limits, jobs and clock changes', async () => {
  await fc.assert(
    fc.asyncProperty(
      beginnings,
      fc.array(operation, { minLength: 5, maxLength: 30 }),
      async ([zone, start], operations) => {
        await rolledBack(async (tx) => {
          await setTimeZone(tx, organizationId, zone)
          const model = new QuotaModel(zone, Date.parse(start))
          const jobs: Reserved[] = []
          for (const each of operations) {
            await perform(tx, model, zone, jobs, each)
            await expectSame(tx, model, zone)
          }
          expect(await auditQuota(tx, organizationId)).toEqual([])
        })
      },
    ),
    { numRuns: 60 },
  )
}, 120_000)

/** Performs an operation on the database and on the model, and compares the results. */
async function perform(
  tx: Tx,
  model: QuotaModel,
  zone: string,
  jobs: Reserved[],
  operation: Operation,
): Promise<void> {
  const at = model.now
  const moment = quotaMomentIn(zone, organizationId, at)
  switch (operation.type) {
    case 'pass':
      model.now += operation.minutes * 60_000
      return
    case 'reserve': {
      const jobId = randomUUID()
      const moment = await openQuotaPeriods(tx, { organizationId, at })
      const work = { seconds: operation.seconds, isGenerated: operation.isGenerated }
      const reserved = await reserveQuota(tx, moment, { jobId, slotId: randomUUID(), ...work })
      expect(reserved.kind === 'reserved').toBe(model.reserve(jobId, needsOfJob(work)))
      if (reserved.kind === 'reserved') jobs.push({ jobId, metrics: work.isGenerated ? 3 : 1 })
      return
    }
    case 'settle': {
      const [job] = jobs.splice(operation.pick % Math.max(1, jobs.length), 1)
      if (!job) return
      const { jobId, metrics } = job
      const verdict = operation.isUsed ? 'commit' : 'release'
      const verdicts = { videos: verdict, seconds: verdict, uploads: verdict } as const
      expect((await settleQuota(tx, jobId, verdicts)).length).toBe(metrics)
      // A second settlement changes nothing, even with another verdict.
      expect(await settleQuota(tx, jobId, { ...verdicts, videos: 'release' })).toEqual([])
      model.settle(jobId, operation.isUsed)
      expect(await auditQuota(tx, organizationId)).toEqual([])
      return
    }
    case 'grant': {
      const { period } = operation
      const from = operation.from === null ? null : at + operation.from * hourMs
      const until = operation.lasts === null ? null : (from ?? at) + operation.lasts * hourMs
      const terms = { period, validFrom: dateOf(from), validUntil: dateOf(until) }
      for (const metric of operation.metrics) {
        if (period !== 'total' && !(await hasLimit(tx, organizationId, { metric, period }))) continue
        const amount = operation.amount * scaleOf(metric)
        await grantQuota(tx, organizationId, { metric, amount }, 'test', terms)
        model.grant(metric, period, amount, from, until)
      }
      return
    }
    case 'limit': {
      const { period, hard } = operation
      const span = period === 'rolling' ? operation.span : null
      for (const metric of operation.metrics) {
        const amount = operation.amount && operation.amount * scaleOf(metric)
        // The sliding window is updated before the decision, as in the command.
        await openQuotaPeriods(tx, { organizationId, at })
        const limit = amount === null ? null : { amount, isHard: hard, windowSeconds: span }
        const set = await setQuotaLimit(tx, moment, { metric, period }, limit, 'test')
        const modelled = amount === null ? null : { amount, hard, ...(span !== null && { span }) }
        model.reserve('', []) // Opens the same periods as the command.
        expect(set.kind === 'done').toBe(model.limit(metric, period, modelled))
      }
      return
    }
    case 'adjust': {
      const { metric, period, amount } = operation
      if (amount === 0) return
      await openQuotaPeriods(tx, { organizationId, at })
      const adjusted = await adjustQuota(tx, moment, { metric, period, amount }, 'test')
      model.reserve('', [])
      expect(adjusted.kind === 'done').toBe(model.adjust(metric, period, amount))
      return
    }
    case 'use': {
      const use = {
        jobId: null,
        metric: 'providerSpend',
        amount: operation.amount,
        key: randomUUID(),
      } as const
      await recordUsage(tx, { organizationId, at, ...use })
      model.use('providerSpend', operation.amount)
    }
  }
}

async function expectSame(tx: Tx, model: QuotaModel, zone: string): Promise<void> {
  const quotas = await listQuotas(tx, quotaMomentIn(zone, organizationId, model.now))
  for (const metric of quotaMetrics) {
    for (const period of quotaPeriods) {
      const found = quotas.find((quota) => quota.metric === metric && quota.period === period)
      const actual = found && { available: found.available, reserved: found.reserved, used: found.used }
      expect({ metric, period, actual }).toEqual({ metric, period, actual: model.view(metric, period) })
      if (found) expect(found.granted).toBe(found.available + found.reserved + found.used)
    }
  }
}

/** A video has about ten seconds. */
const scaleOf = (metric: Metric) => (metric === 'seconds' ? 10 : 1)
const dateOf = (at: number | null) => (at === null ? null : new Date(at))

class RollBack extends Error {}

/** Rolls the transaction back, because the jobs of its reservations do not exist and a commit would fail. */
async function rolledBack(work: (tx: Tx) => Promise<void>): Promise<void> {
  const transaction = database.runtime.db.transaction().execute(async (tx) => {
    await work(tx)
    throw new RollBack()
  })
  await transaction.catch((error) => {
    if (!(error instanceof RollBack)) throw error
  })
}
