import type { Tx } from '../../store/database.ts'
import { grantedFirst, readCalendar } from '../../store/quota/balances.ts'
import { listPlannedSlots } from '../../store/quota/planned-slots.ts'
import { listQuotas, type QuotaRecord } from '../../store/quota/quotas.ts'
import type { Metric } from '../../store/tables.ts'
import { demands, type QuotaForecast, quotaForecastOf } from './quota-forecast.ts'
import { momentIn } from './quota-period.ts'

/** What the quotas will make of the slots of a plan that have no job yet, as things stand. `at` in epoch milliseconds. */
export async function forecastQuota(
  tx: Tx,
  {
    organizationId,
    planId,
    at,
  }: { readonly organizationId: string; readonly planId: string; readonly at: number },
): Promise<readonly QuotaForecast[]> {
  const { timeZone } = await readCalendar(tx, organizationId)
  const moment = momentIn(timeZone, organizationId, at)
  const slots = await listPlannedSlots(tx, organizationId, { planId, from: moment.at })
  const quotas = await listQuotas(tx, moment)
  return [...demands.keys()].flatMap((metric) => {
    const known = quotas.filter((quota) => quota.metric === metric)
    return (known.length > 0 ? known : [neverGranted(metric)]).map((quota) =>
      quotaForecastOf(quota, slots, { timeZone, at }),
    )
  })
}

function neverGranted(metric: Metric): QuotaRecord {
  const hardness = grantedFirst.includes(metric) ? 'HARD' : 'NONE'
  const nothing = { granted: 0, available: 0, reserved: 0, used: 0, grants: [] }
  const period = { period: 'total', spanSeconds: null, limit: null, startsAt: null, resetsAt: null } as const
  return { metric, hardness, ...period, ...nothing, updatedAt: new Date(0) }
}
