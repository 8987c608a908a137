import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import type { Metric, QuotaPeriod } from '../quota/tables.ts'
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
  readonly considered: number
  readonly startedJobs: readonly string[]
  readonly decisions: readonly {
    readonly slotId: string
    readonly decision: ScanVerdict
    readonly shortage?: object
  }[]
}

/** Records a scan with its decisions. */
export async function insertScan(tx: Executor, organizationId: string, scan: NewScan): Promise<void> {
  const { scanId, reason, windowEnd, considered, startedJobs, decisions } = scan
  await sql`
    insert into scan (id, organization_id, reason, window_end, considered, started_jobs)
    values (${scanId}, ${organizationId}, ${reason}, ${windowEnd}, ${considered}, ${startedJobs.length})`.execute(
    tx,
  )
  await sql`
    insert into scan_decision (organization_id, scan_id, slot_id, decision, shortage)
    select ${organizationId}, ${scanId}, "slotId", decision, shortage
      from jsonb_to_recordset(${JSON.stringify(decisions)}::jsonb) as x ("slotId" uuid, decision text, shortage jsonb)`.execute(
    tx,
  )
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
