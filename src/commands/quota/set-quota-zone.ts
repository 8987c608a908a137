import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { listCalendarBalances, lockQuota, moveBalance, setTimeZone } from '../../store/quota/balances.ts'
import { isTimeZone } from '../plan/wall-time.ts'
import { invalid, type Refusal } from '../refusal.ts'
import { quotaMomentIn } from './quota-period.ts'

/**
 * Sets the time zone in which an organization's quota days and months begin. The current day and month keep their balances and end
 * in the new zone, so that a change grants no second day.
 */
export async function setQuotaZone(
  tx: Tx,
  { organizationId, timeZone }: { readonly organizationId: string; readonly timeZone: string },
): Promise<{ readonly kind: 'done'; readonly timeZone: string } | Refusal> {
  if (!isTimeZone(timeZone))
    return invalid('timeZone', 'must be the name of a zone in the IANA database, such as Europe/Berlin')
  const moment = quotaMomentIn(timeZone, organizationId, await readDatabaseTime(tx))
  await lockQuota(tx, organizationId)
  await setTimeZone(tx, organizationId, timeZone)
  for (const { id, period } of await listCalendarBalances(tx, organizationId, moment.at)) {
    await moveBalance(tx, id, moment[period])
  }
  await appendEvent(tx, { organizationId, type: 'organization.timeZoneChanged', payload: { timeZone } })
  return { kind: 'done', timeZone }
}
