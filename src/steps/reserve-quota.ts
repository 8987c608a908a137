import { openQuotaPeriods } from '../commands/quota/quota-period.ts'
import { type JobWork, type QuotaShort, reserveQuota as reserve } from '../commands/quota/reserve-quota.ts'
import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import type { Tx } from '../store/database.ts'
import { appendEvent } from '../store/event/append.ts'
import { lockInstance } from '../store/job/jobs.ts'
import { hasReservation } from '../store/quota/reservations.ts'
import { ownFailure } from './failure.ts'
import { needsPerson } from './outcome.ts'
import type { StepDeps } from './step-deps.ts'

/**
 * Finds the quota reservation that was made when the job was started. An older job has none and gets its reservation here,
 * once, under a lock on its row.
 */
export async function reserveQuota(
  { db }: StepDeps,
  { organizationId, jobId, now }: StepContext,
  work: JobWork,
): Promise<StepOutcome> {
  const short = await db.transaction().execute(async (tx): Promise<QuotaShort | null> => {
    if (await hasReservation(tx, jobId)) return null
    return await reserveLate(tx, { organizationId, jobId, ...work, at: now() })
  })
  if (!short) return done()
  const message = `Not enough quota for ${short.metric}: ${short.available} left, ${short.needed} needed. The job continues when more is granted.`
  return needsPerson(ownFailure('NEEDS_OPERATOR', 'QUOTA_EXCEEDED', message))
}

async function reserveLate(
  tx: Tx,
  job: JobWork & { readonly organizationId: string; readonly jobId: string; readonly at: number },
): Promise<QuotaShort | null> {
  const { organizationId, jobId, at, ...work } = job
  const locked = await lockInstance(tx, jobId)
  if (!locked || (await hasReservation(tx, jobId))) return null
  const periods = await openQuotaPeriods(tx, { organizationId, at })
  const slotId = String(locked.checkpoint.context.slotId)
  const reserved = await reserve(tx, periods, { jobId, slotId, ...work })
  if (reserved.kind === 'quotaShort') return reserved
  for (const event of reserved.events) await appendEvent(tx, event)
  return null
}
