import { randomUUID } from 'node:crypto'
import { isTooLate } from '../../../machines/rules/lateness.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { type DueSlot, lockDueSlots } from '../../store/plan/due-slots.ts'
import { insertScan } from '../../store/plan/scans.ts'
import type { ScanReason, ScanVerdict } from '../../store/plan/tables.ts'
import type { QuotaMoment } from '../../store/quota/balances.ts'
import type { CommandDeps } from '../command-deps.ts'
import { insertSlotJob } from '../job/start-job.ts'
import { openQuotaPeriods } from '../quota/quota-period.ts'
import { needsOfJob, type QuotaShort } from '../quota/reserve-quota.ts'

export const scanWindowHours = 24
/** Scans ignore slots that were due longer ago. */
const maxOverdueDays = 7

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
}

/** Locks the due slots. A command that also locks jobs or quota calls this first, because slots are locked before both. */
export async function openScan(tx: Tx, organizationId: string): Promise<OpenScan> {
  const at = await readDatabaseTime(tx)
  const windowEnd = new Date(at + scanWindowHours * 3_600_000)
  const from = new Date(at - maxOverdueDays * 86_400_000)
  return {
    organizationId,
    at,
    windowEnd,
    slots: await lockDueSlots(tx, organizationId, { from, to: windowEnd }),
  }
}

/**
 * Considers every slot of an organization that is due within 24 hours and has no job, starts the jobs that may start, and
 * stores one decision per slot, which explains why a slot did not run. If the quota is short, slots are served in their order.
 * Runs in the caller's transaction. Concurrent scans of an organization wait for each other, and no slot is started twice.
 */
export async function scanOrganization(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, reason }: { readonly organizationId: string; readonly reason: ScanReason },
): Promise<ScanResult> {
  return await completeScan(tx, deps, await openScan(tx, organizationId), reason)
}

/** Decides every slot of an open scan and stores the decisions. */
export async function completeScan(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, at, windowEnd, slots }: OpenScan,
  reason: ScanReason,
): Promise<ScanResult> {
  const decisions: { readonly slotId: string; readonly decision: ScanVerdict; readonly shortage?: object }[] =
    []
  const startedJobs: string[] = []
  const shortages: QuotaShort[] = []
  let moment: QuotaMoment | undefined
  for (const slot of slots) {
    const { slotId } = slot
    const decision = decisionOn(slot, at)
    if (decision !== 'ENQUEUED') {
      decisions.push({ slotId, decision })
      continue
    }
    moment ??= await openQuotaPeriods(tx, { organizationId, at })
    const started =
      knownShortage(shortages, slot) ??
      (await insertSlotJob(tx, deps, moment, { ...slot, startedBy: 'scan' }))
    if (started.kind === 'started') {
      startedJobs.push(started.jobId)
      decisions.push({ slotId, decision })
    } else {
      const { kind: _, ...shortage } = started
      shortages.push(started)
      decisions.push({ slotId, decision: 'QUOTA_EXCEEDED', shortage })
    }
  }
  const scan = { scanId: randomUUID(), considered: slots.length, startedJobs }
  await insertScan(tx, organizationId, { ...scan, reason, windowEnd, decisions })
  return scan
}

/** A shortage for a smaller slot holds for this one too: the transaction has locked the quota, which only falls. */
function knownShortage(shortages: readonly QuotaShort[], { seconds }: DueSlot): QuotaShort | undefined {
  for (const { metric, amount } of needsOfJob(seconds)) {
    const needed = Math.max(amount, 1)
    const known = shortages.find((shortage) => shortage.metric === metric && shortage.needed <= needed)
    if (known) return { ...known, needed }
  }
  return undefined
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
