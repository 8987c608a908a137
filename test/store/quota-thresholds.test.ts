import { expect, it } from 'vitest'
import { quotaThresholds } from '../../machines/rules/quota-period.ts'
import { debitQuota } from '../../src/store/quota/reservations.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime

it.each([
  [0, 49, 100, []],
  [0, 50, 100, [50]],
  [50, 79, 100, []],
  [0, 100, 100, [50, 80, 100]],
  [80, 130, 100, [100]],
  [100, 200, 100, []],
  [0, 1, 1, [50, 80, 100]],
  [0, 5, 0, []],
])(
  'a debit after %i % was reported, with %i of %i committed, reports %j once',
  async (notified, committed, allowance, reached) => {
    const organizationId = await createOrganization(database)
    await db
      .insertInto('quota')
      .values({
        organization_id: organizationId,
        metric: 'videos',
        period: 'total',
        is_hard: false,
        allowance,
        used: committed,
        notified_threshold: notified,
      })
      .execute()
    const at = new Date()
    const day = { startsAt: at, endsAt: at }
    const debit = () =>
      debitQuota(
        db,
        { organizationId, at, day, month: day },
        {
          into: 'used',
          amounts: [{ metric: 'videos', amount: 0 }],
          jobId: null,
          thresholds: quotaThresholds,
        },
      )
    expect(await debit()).toMatchObject({
      statuses: [{ allowance, committed, crossedThresholds: reached }],
    })
    expect(await debit()).toMatchObject({ statuses: [{ crossedThresholds: [] }] })
    const { notified_threshold: recorded } = await db
      .selectFrom('quota')
      .select('notified_threshold')
      .where('organization_id', '=', organizationId)
      .executeTakeFirstOrThrow()
    expect(recorded).toBe(reached.at(-1) ?? notified)
  },
)
