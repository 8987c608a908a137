import { randomUUID } from 'node:crypto'
import { isTooLate } from '../../../machines/rules/lateness.ts'
import { queueScan } from '../../queue/scan.ts'
import { type Db, readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvents, type NewEvent } from '../../store/event/append.ts'
import { countJobsOfSlots } from '../../store/job/jobs.ts'
import {
  type DueSlot,
  dueIntervalNow,
  listOrganizationsWithDueSlots,
  lockDueSlots,
  type SlotPosition,
} from '../../store/plan/due-slots.ts'
import { extendScan, insertEmptyScan, insertScan, type ScanDecision } from '../../store/plan/scans.ts'
import type { ScanReason, ScanVerdict } from '../../store/plan/tables.ts'
import { type Notifier, runCommand } from '../../store/run-command.ts'
import type { CommandDeps } from '../command-deps.ts'
import { type StartedSlots, startSlotJobs } from '../job/start-slot-jobs.ts'
import { openDebits } from '../quota/quota-period.ts'

export const scanWindowHours = 24
/** Scans ignore slots that were due longer ago. */
const maxOverdueDays = 7
/**
 * How many slots one transaction of a scan decides. Meanwhile commands of the organization wait for its slots and quota. With 500, the
 * slowest commit of other organizations took twice as long as with 200, and the whole scan no less.
 */
export const chunkSize = 200
/** How many slots a scan inside a command decides. Most organizations have fewer that are due, and need no second scan. */
export const maxSlotsOfCommand = 500

export interface ScanResult {
  readonly scanId: string
  readonly considered: number
  readonly startedJobs: readonly string[]
}

/** A scan whose slots are locked until the end of the transaction, before its decisions. */
export interface OpenScan {
  readonly organizationId: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly windowEnd: Date
  readonly slots: readonly DueSlot[]
  /** Where the chunk ended, if more slots may be due after it. */
  readonly end: SlotPosition | null
}

/** The same now, by the database's clock. */
const dueNow = dueIntervalNow({ overdueDays: maxOverdueDays, windowHours: scanWindowHours })

/** The interval in which a scan considers slots. `at` in epoch milliseconds. */
function dueIntervalAt(at: number) {
  return { from: new Date(at - maxOverdueDays * 86_400_000), to: new Date(at + scanWindowHours * 3_600_000) }
}

/** Locks the first due slots. A command that also locks jobs or quota calls this first, because slots are locked before both. */
export async function openScan(
  tx: Tx,
  organizationId: string,
  {
    after = null,
    limit = maxSlotsOfCommand,
  }: { readonly after?: SlotPosition | null; readonly limit?: number } = {},
): Promise<OpenScan> {
  const at = await readDatabaseTime(tx)
  const interval = dueIntervalAt(at)
  const slots = await lockDueSlots(tx, organizationId, interval, { after, limit })
  const end = slots.length < limit ? null : (slots.at(-1)?.position ?? null)
  return { organizationId, at, windowEnd: interval.to, slots, end }
}

/**
 * Considers every slot of an organization that is due within 24 hours and has no job, starts the jobs that may start, and
 * stores one decision per slot, which explains why a slot did not run. If the quota is short, slots are served in their order.
 * Runs in the caller's transaction, which considers 500 slots; if more are due, another scan is queued for them. Concurrent scans
 * of an organization wait for each other, and no slot is started twice.
 */
export async function scanOrganization(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, reason }: { readonly organizationId: string; readonly reason: ScanReason },
): Promise<ScanResult> {
  return await completeScan(tx, deps, await openScan(tx, organizationId), reason)
}

/** Decides every slot of an open scan, stores the decisions, and queues another scan if more slots may be due. */
export async function completeScan(
  tx: Tx,
  deps: CommandDeps,
  open: OpenScan,
  reason: ScanReason,
): Promise<ScanResult> {
  const { organizationId, windowEnd, end } = open
  const scanId = randomUUID()
  const { decisions, startedJobs, events } = await decideSlots(tx, deps, open)
  await insertScan(tx, organizationId, { scanId, reason, windowEnd, decisions })
  if (end) await queueScan(deps.boss, { organizationId, reason }, tx)
  await appendEvents(tx, organizationId, events)
  return { scanId, considered: decisions.length, startedJobs }
}

/**
 * Scans an organization chunk by chunk, each in a transaction of its own: a scan that is killed has done all of its chunks but the last,
 * and the next one continues. With nothing due it writes its own row only, in one round trip.
 */
export async function scanInChunks(
  db: Db,
  deps: CommandDeps,
  notifier: Notifier,
  { organizationId, reason }: { readonly organizationId: string; readonly reason: ScanReason },
): Promise<{ readonly scanId: string; readonly considered: number; readonly startedJobs: number }> {
  const total = { scanId: randomUUID(), considered: 0, startedJobs: 0 }
  const { scanId } = total
  if (await insertEmptyScan(db, organizationId, { scanId, reason, interval: dueNow })) return total

  let isFirst = true
  let after: SlotPosition | null = null
  do {
    const from: SlotPosition | null = after
    const record = isFirst ? insertScan : extendScan
    const chunk = await runCommand(db, notifier, async (tx) => {
      const open = await openScan(tx, organizationId, { after: from, limit: chunkSize })
      const { decisions, startedJobs, events } = await decideSlots(tx, deps, open)
      await record(tx, organizationId, { scanId, reason, windowEnd: open.windowEnd, decisions })
      await appendEvents(tx, organizationId, events)
      return { considered: decisions.length, startedJobs: startedJobs.length, end: open.end }
    })
    total.considered += chunk.considered
    total.startedJobs += chunk.startedJobs
    isFirst = false
    after = chunk.end
  } while (after)
  return total
}

/** The organizations that a scan would consider slots of. */
export async function listScannable(db: Db): Promise<readonly string[]> {
  return await listOrganizationsWithDueSlots(db, dueNow)
}

interface Decided {
  readonly decisions: readonly ScanDecision[]
  readonly startedJobs: readonly string[]
  /** The caller appends them, after all other locks. */
  readonly events: readonly NewEvent[]
}

/** Decides the locked slots in their order and starts the jobs that may start. */
async function decideSlots(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, at, slots }: OpenScan,
): Promise<Decided> {
  const verdicts = slots.map((slot) => ({ slot, decision: decisionOn(slot, at) }))
  const starting = verdicts.filter(({ decision }) => decision === 'ENQUEUED').map(({ slot }) => slot)
  const { results, events } = await startAll(tx, deps, { organizationId, at, slots: starting })
  const decisions = verdicts.map(({ slot: { slotId }, decision }): ScanDecision => {
    const result = results.get(slotId)
    if (result?.kind !== 'quotaShort') return { slotId, decision }
    const { kind: _, ...shortage } = result
    return { slotId, decision: 'QUOTA_EXCEEDED', shortage }
  })
  const startedJobs = [...results.values()].flatMap((each) => (each.kind === 'started' ? [each.jobId] : []))
  return { decisions, startedJobs, events }
}

async function startAll(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, at, slots }: Pick<OpenScan, 'organizationId' | 'at' | 'slots'>,
): Promise<StartedSlots> {
  if (slots.length === 0) return { results: new Map(), events: [] }
  const slotIds = slots.map(({ slotId }) => slotId)
  // After the locks: a job that was cancelled meanwhile counts.
  const cancelled = await countJobsOfSlots(tx, slotIds)
  const debits = await openDebits(tx, { organizationId, at })
  const starting = slots.map((slot) => ({
    ...slot,
    cancelled: cancelled.get(slot.slotId) ?? 0,
    startedBy: 'scan' as const,
  }))
  return await startSlotJobs(tx, deps, debits, starting)
}

/** True also while tokens are refreshed: a job waits for the refresh, or for its creator. */
function isConnected(accountState: string): boolean {
  return accountState === 'connected' || accountState.startsWith('refreshing.')
}

function decisionOn(slot: DueSlot, at: number): ScanVerdict {
  if (slot.planState !== 'approved') return 'NOT_APPROVED'
  if (!slot.autopilot) return 'AUTOPILOT_OFF'
  if (slot.locked) return 'PLAN_LOCKED'
  if (isTooLate(slot.publishAt.getTime(), at)) return 'TOO_LATE'
  if (!isConnected(slot.accountState)) return 'ACCOUNT_UNHEALTHY'
  return 'ENQUEUED'
}
