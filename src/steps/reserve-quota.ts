import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import { reserveQuota as reserve } from '../store/quota-ledger.ts'
import type { StepDeps } from './deps.ts'
import { fail, failure } from './failure.ts'

/** Sets aside one video and its seconds; the same reservation if it is asked again. */
export async function reserveQuota(
  { db }: StepDeps,
  { organizationId, jobId }: StepContext,
  { seconds }: { readonly seconds: number },
): Promise<StepOutcome> {
  const result = await db.transaction().execute((tx) =>
    reserve(tx, organizationId, jobId, [
      { metric: 'videos', amount: 1 },
      { metric: 'seconds', amount: seconds },
    ]),
  )
  if (result.kind === 'reserved') return done()
  const message = `The quota of ${result.metric} is short: ${result.available} left. Grant more to go on.`
  return fail({ kind: 'needsPerson', failure: failure('NEEDS_OPERATOR', 'QUOTA_SHORT', message) })
}
