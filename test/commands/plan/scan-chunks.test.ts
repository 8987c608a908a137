import { sql } from 'kysely'
import { expect, it } from 'vitest'
import {
  chunkSize,
  listScannable,
  maxSlotsOfCommand,
  scanInChunks,
  scanOrganization,
} from '../../../src/commands/plan/scan.ts'
import { queueScan, queueScans } from '../../../src/queue/scan.ts'
import { grantQuota } from '../../../src/store/quota/adjustments.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { createDueSlots } from '../../support/due-slots.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const deps = await createCommandDeps(database)
const notifier = { send: () => undefined }

async function createReady(due: number, { videos = 10_000 } = {}) {
  const organizationId = await createOrganization(database)
  await grantQuota(db, organizationId, { metric: 'videos', amount: videos }, null)
  await grantQuota(db, organizationId, { metric: 'seconds', amount: 100_000 }, null)
  await createDueSlots(database.runtime, organizationId, due)
  return organizationId
}

const scan = (organizationId: string) =>
  scanInChunks(db, deps, notifier, { organizationId, reason: 'hourly' })

async function decisionsOf(organizationId: string) {
  const { rows } = await sql<{ decision: string; count: number }>`
    select decision, count(*)::int from scan_decision where organization_id = ${organizationId} group by decision`.execute(
    db,
  )
  return Object.fromEntries(rows.map(({ decision, count }) => [decision, count]))
}

async function queuedScans(organizationId: string): Promise<readonly unknown[]> {
  const { rows } = await sql<{ data: unknown }>`
    select data from reelpilot_queue.job where name = 'scan-organization' and data->>'organizationId' = ${organizationId}`.execute(
    database.owner.db,
  )
  return rows.map(({ data }) => data)
}

it('a scan of several chunks has one row, a job and a decision for each slot, and a gapless event sequence', async () => {
  const due = 2 * chunkSize + 1
  const organizationId = await createReady(due)
  const { scanId } = await scan(organizationId)
  const scans = await db
    .selectFrom('scan')
    .select(['id', 'considered', 'started_jobs'])
    .where('organization_id', '=', organizationId)
    .execute()
  expect(scans).toEqual([{ id: scanId, considered: due, started_jobs: due }])
  expect(await decisionsOf(organizationId)).toEqual({ ENQUEUED: due })
  expect(await auditQuota(db, organizationId)).toEqual([])
  const { rows } = await sql<{ events: number; last: number; starts: number }>`
    select count(*)::int as events, max(sequence)::int as last,
           count(distinct job_id) filter (where job_revision = 1)::int as starts
      from event where organization_id = ${organizationId}`.execute(db)
  expect(rows[0]).toMatchObject({ events: rows[0]?.last, starts: due })
  const wakeUps = await sql`
    select from reelpilot_queue.job where name = 'job-wake' and group_id = ${organizationId}`.execute(
    database.owner.db,
  )
  expect(wakeUps.rows).toHaveLength(due)
}, 60_000)

it('a scan of several chunks gives the quota to the earliest slots, across chunks', async () => {
  const [due, videos] = [3 * chunkSize, chunkSize + 100]
  const organizationId = await createReady(due, { videos })
  await scan(organizationId)
  expect(await decisionsOf(organizationId)).toEqual({ ENQUEUED: videos, QUOTA_EXCEEDED: due - videos })
  const { rows } = await sql<{ isEarlier: boolean }>`
    select max(publish_at) filter (where claimed_at is not null) < min(publish_at) filter (where claimed_at is null)
           as "isEarlier"
      from slot where organization_id = ${organizationId}`.execute(db)
  expect(rows[0]?.isEarlier).toBe(true)
  expect(await auditQuota(db, organizationId)).toEqual([])
}, 60_000)

it('a scan in a command considers five hundred slots and queues another scan for the rest', async () => {
  const organizationId = await createReady(maxSlotsOfCommand + 1)
  const { considered, startedJobs } = await db
    .transaction()
    .execute((tx) => scanOrganization(tx, deps, { organizationId, reason: 'request' }))
  expect({ considered, startedJobs: startedJobs.length }).toEqual({
    considered: maxSlotsOfCommand,
    startedJobs: maxSlotsOfCommand,
  })
  expect(await queuedScans(organizationId)).toEqual([{ organizationId, reason: 'request' }])
  expect((await scan(organizationId)).startedJobs).toBe(1)
}, 60_000)

it('a scan with nothing due writes its own row only', async () => {
  const organizationId = await createReady(0)
  const written = () =>
    sql<{ scans: number; decisions: number; sequence: number }>`
      select (select count(*)::int from scan where organization_id = ${organizationId}) as scans,
             (select count(*)::int from scan_decision where organization_id = ${organizationId}) as decisions,
             (select sequence::int from event_head where organization_id = ${organizationId}) as sequence`
      .execute(db)
      .then(({ rows }) => rows[0])
  const before = await written()
  expect(await scan(organizationId)).toMatchObject({ considered: 0, startedJobs: 0 })
  expect(await written()).toEqual({ ...before, scans: 1 })
})

it('organizations with due slots are scannable, those without are not', async () => {
  const [withSlots, without] = [await createReady(1), await createReady(0)]
  const scannable = await listScannable(db)
  expect(scannable).toContain(withSlots)
  expect(scannable).not.toContain(without)
})

it('an organization whose scan is queued gets no second one, unless a transaction needs it', async () => {
  const organizationId = await createOrganization(database)
  await queueScans(deps.boss, [organizationId], 'hourly')
  await queueScans(deps.boss, [organizationId], 'boot')
  expect(await queuedScans(organizationId)).toEqual([{ organizationId, reason: 'hourly' }])
  // The queued scan may run before this transaction commits, and not see what it changed.
  await db.transaction().execute((tx) => queueScan(deps.boss, { organizationId, reason: 'account' }, tx))
  expect(await queuedScans(organizationId)).toHaveLength(2)
})
