import { randomUUID } from 'node:crypto'
import type { Tx } from '../store/database.ts'
import { type DueSlot, lockDueSlots } from '../store/due-slot-store.ts'
import { readDatabaseTime } from '../store/job-store.ts'
import type { ScanReason, ScanVerdict } from '../store/tables.ts'
import type { CommandDeps } from './deps.ts'
import { insertSlotJob, jobIdOf, mostLatenessMs } from './start-job.ts'

export const scanWindowHours = 24
/** A slot that no scan could start within a week is history, and not reported any more. */
const forgottenAfterDays = 7

export interface ScanResult {
  readonly scanId: string
  readonly considered: number
  readonly startedJobs: readonly string[]
}

/**
 * Looks at every slot of an organization that falls due within 24 hours and has no job, starts the jobs that may be
 * started, and leaves one decision for each slot it considered: the answer to "why did my slot not run?".
 * Runs in the caller's transaction; scanners of the same organization wait for each other, and find nothing twice.
 */
export async function scanOrganization(
  tx: Tx,
  deps: CommandDeps,
  { organizationId, reason }: { readonly organizationId: string; readonly reason: ScanReason },
): Promise<ScanResult> {
  const at = await readDatabaseTime(tx)
  const windowEnd = new Date(at + scanWindowHours * 3_600_000)
  const from = new Date(at - forgottenAfterDays * 86_400_000)
  const slots = await lockDueSlots(tx, organizationId, { from, to: windowEnd })

  const decisions: { readonly slot: DueSlot; readonly verdict: ScanVerdict }[] = []
  const startedJobs: string[] = []
  for (const slot of slots) {
    const verdict = verdictOn(slot, at)
    if (verdict === 'ENQUEUED') {
      const started = await insertSlotJob(tx, deps, { ...slot, organizationId, at })
      if (started) startedJobs.push(jobIdOf(slot.slotId))
    }
    decisions.push({ slot, verdict })
  }

  const scanId = randomUUID()
  await tx
    .insertInto('scan')
    .values({
      id: scanId,
      organization_id: organizationId,
      reason,
      window_end: windowEnd,
      considered: slots.length,
      started_jobs: startedJobs.length,
    })
    .execute()
  if (decisions.length > 0) {
    await tx
      .insertInto('scan_decision')
      .values(
        decisions.map(({ slot, verdict }) => ({
          organization_id: organizationId,
          scan_id: scanId,
          slot_id: slot.slotId,
          decision: verdict,
        })),
      )
      .execute()
  }
  return { scanId, considered: slots.length, startedJobs }
}

function verdictOn(slot: DueSlot, at: number): ScanVerdict {
  if (slot.planState !== 'approved') return 'NOT_APPROVED'
  if (!slot.autopilot) return 'AUTOPILOT_OFF'
  if (slot.locked) return 'PLAN_LOCKED'
  if (slot.publishAt.getTime() < at - mostLatenessMs) return 'TOO_LATE'
  if (slot.accountState !== 'connected') return 'ACCOUNT_UNHEALTHY'
  return 'ENQUEUED'
}
