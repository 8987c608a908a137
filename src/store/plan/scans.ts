import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import type { Metric, QuotaPeriod } from '../quota/tables.ts'
import { type DueInterval, isDue } from './due-slots.ts'
import type { ScanReason, ScanVerdict } from './tables.ts'

export interface ScanRecord {
  readonly id: string
  readonly reason: ScanReason
  readonly windowEnd: Date
  readonly considered: number
  readonly startedJobs: number
  readonly createdAt: Date
}

export interface ScanDecisionRecord {
  readonly scanId: string
  readonly slotId: string
  readonly decision: ScanVerdict
  /** For `QUOTA_EXCEEDED`: what was short. */
  readonly shortage: {
    readonly metric: Metric
    readonly period: QuotaPeriod
    readonly available: number
    readonly needed: number
    /** ISO 8601. */
    readonly nextAvailableAt: string | null
  } | null
  readonly createdAt: Date
}

export interface NewScan {
  readonly scanId: string
  readonly reason: ScanReason
  readonly windowEnd: Date
  readonly decisions: readonly ScanDecision[]
}

export interface ScanDecision {
  readonly slotId: string
  readonly decision: ScanVerdict
  /** For `QUOTA_EXCEEDED`: what was short. */
  readonly shortage?: object
}

/** Records a scan with the decisions of its first chunk of slots. */
export async function insertScan(tx: Executor, organizationId: string, scan: NewScan): Promise<void> {
  const { scanId, reason, windowEnd } = scan
  const { considered, startedJobs } = countsOf(scan)
  await sql`
    with scan as (
      insert into scan (id, organization_id, reason, window_end, considered, started_jobs)
      values (${scanId}, ${organizationId}, ${reason}, ${windowEnd}, ${considered}, ${startedJobs})
    ) ${decisionsOf(organizationId, scan)}`.execute(tx)
}

/** Records the decisions of another chunk of a scan. */
export async function extendScan(tx: Executor, organizationId: string, scan: NewScan): Promise<void> {
  const { considered, startedJobs } = countsOf(scan)
  await sql`
    with scan as (
      update scan set window_end = ${scan.windowEnd}, considered = considered + ${considered}::int,
                      started_jobs = started_jobs + ${startedJobs}::int
       where id = ${scan.scanId}
    ) ${decisionsOf(organizationId, scan)}`.execute(tx)
}

const countsOf = ({ decisions }: NewScan) => ({
  considered: decisions.length,
  startedJobs: decisions.filter(({ decision }) => decision === 'ENQUEUED').length,
})

const decisionsOf = (organizationId: string, { scanId, decisions }: NewScan) => sql`
    insert into scan_decision (organization_id, scan_id, slot_id, decision, shortage)
    select ${organizationId}, ${scanId}, "slotId", decision, shortage
      from jsonb_to_recordset(${JSON.stringify(decisions)}::jsonb) as x ("slotId" uuid, decision text, shortage jsonb)`

/** Records a scan that has nothing to consider, and returns true; if slots are due, it writes nothing. One round trip. */
export async function insertEmptyScan(
  db: Executor,
  organizationId: string,
  { scanId, reason, interval }: Pick<NewScan, 'scanId' | 'reason'> & { readonly interval: DueInterval },
): Promise<boolean> {
  const { rows } = await sql`
    insert into scan (id, organization_id, reason, window_end, considered, started_jobs)
    select ${scanId}, ${organizationId}, ${reason}, ${interval.to}, 0, 0
     where not exists (select from slot join plan on plan.id = slot.plan_id where ${isDue(organizationId, interval)})
    returning id`.execute(db)
  return rows.length === 1
}

const columns = sql.raw(
  'id, reason, window_end as "windowEnd", considered, started_jobs as "startedJobs", created_at as "createdAt"',
)

export async function findScans(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly ScanRecord[]> {
  const { rows } = await sql<ScanRecord>`
    select ${columns} from scan
     where organization_id = ${organizationId} and id = any(${ids}::uuid[])`.execute(db)
  return rows
}

/** Newest first. */
export async function listScans(
  db: Executor,
  organizationId: string,
  page: Page,
): Promise<readonly Positioned<ScanRecord>[]> {
  const { position, within, order } = keyset('scan', 'created_at', 'desc', page)
  const { rows } = await sql<Positioned<ScanRecord>>`
    select ${columns}, ${position} as position from scan
     where organization_id = ${organizationId} and ${within} order by ${order} limit ${page.limit}`.execute(
    db,
  )
  return rows
}

/** The decisions of one scan, or the decisions about one slot, the newest first. */
export async function listDecisions(
  db: Executor,
  organizationId: string,
  of: { readonly scanId: string } | { readonly slotId: string },
  page: Page,
): Promise<readonly Positioned<ScanDecisionRecord>[]> {
  // A decision has no id. Within a scan its slot identifies it, and for a slot its scan does.
  const ofScan = 'scanId' in of
  const table = ofScan
    ? sql`(select *, slot_id as id from scan_decision where scan_id = ${of.scanId})`
    : sql`(select *, scan_id as id from scan_decision where slot_id = ${of.slotId})`
  const { position, within, order } = keyset('decision', 'created_at', ofScan ? 'asc' : 'desc', page)
  const { rows } = await sql<Positioned<ScanDecisionRecord>>`
    select scan_id as "scanId", slot_id as "slotId", decision, shortage, created_at as "createdAt", ${position} as position
      from ${table} as decision
     where organization_id = ${organizationId} and ${within} order by ${order} limit ${page.limit}`.execute(
    db,
  )
  return rows
}
