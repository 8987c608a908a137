import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import type { Metric, QuotaEntryKind, QuotaPeriod } from '../tables.ts'
import { lockQuota, openPots, type QuotaLimit, type QuotaMoment } from './balances.ts'
import type { QuotaAmount } from './reservations.ts'

/** From when until when a grant counts: without either, for ever. */
export interface GrantTerms {
  readonly period: QuotaPeriod
  readonly validFrom: Date | null
  readonly validUntil: Date | null
}

const forEver: GrantTerms = { period: 'total', validFrom: null, validUntil: null }

/**
 * Adds to what an organization may use. A grant that begins or ends, or that adds to a shorter period, is a pot of its own;
 * what is left in it when it ends is left there. What was unlimited until now is not any more: from now on this much may be
 * used.
 */
export async function grantQuota(
  tx: Executor,
  organizationId: string,
  { metric, amount }: QuotaAmount,
  reason: string | null,
  terms: GrantTerms = forEver,
): Promise<void> {
  const { period, validFrom, validUntil } = terms
  const kind = 'grant'
  await lockQuota(tx, organizationId)
  if (period === 'total') {
    const pot = await openTotal(tx, organizationId, metric)
    const carried = pot.isUnlimited ? pot.spoken - pot.allowance : 0
    const limited = { ...pot, isHard: pot.isHard || pot.isUnlimited, allowance: pot.allowance + carried }
    if (carried > 0) await change(tx, limited, { kind: 'adjust', amount: carried, reason: beforeLimit })
    if (validFrom === null && validUntil === null) {
      await change(tx, { ...limited, allowance: limited.allowance + amount }, { kind, amount, reason })
      return
    }
    await change(tx, limited)
  }
  await sql`
    with granted as (
      insert into quota (organization_id, metric, period, is_grant, is_hard, allowance, starts_at, ends_at)
      values (${organizationId}, ${metric}, ${period}, true, true, ${amount}, ${validFrom}, ${validUntil})
      returning id
    )
    insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, reason, counted_at)
    select ${organizationId}, ${metric}, ${period}, id, ${kind}, ${amount}::bigint, ${amount}::bigint, ${reason},
           clock_timestamp()
      from granted`.execute(tx)
}

const beforeLimit = 'used and reserved before there was a limit'

export type LimitTerms = Pick<QuotaLimit, 'amount' | 'isHard' | 'windowSeconds'>

/** A change that would leave a hard limit below what is reserved and used; nothing was changed. */
export interface LimitTooLow {
  readonly kind: 'tooLow'
  readonly spoken: number
}

/**
 * Sets, changes or (with null) lifts the limit of a metric in a period. The present pot follows; a limit that is set for the
 * first time counts from now on. Refused if it is hard and less than what is reserved and used already. Under `lockQuota`.
 */
export async function setQuotaLimit(
  tx: Executor,
  moment: QuotaMoment,
  { metric, period }: LimitedPeriod,
  limit: LimitTerms | null,
  reason: string | null,
): Promise<{ readonly kind: 'done' } | LimitTooLow> {
  const { organizationId } = moment
  await openPots(tx, moment, [metric])
  const before = await readLimit(tx, organizationId, { metric, period })
  const pots = await listPresentPots(tx, moment, { metric, period }, limit !== null)

  const changes = pots.map((pot) => {
    const allowance = Math.max(0, pot.allowance + (limit?.amount ?? 0) - before)
    const isHard = limit?.isHard ?? (period === 'total' && allowance > 0)
    return { pot, changed: { ...pot, allowance, isHard } }
  })
  const tooLow = changes.find(({ pot, changed }) => changed.isHard && pot.spoken > changed.allowance)
  if (tooLow) return { kind: 'tooLow', spoken: tooLow.pot.spoken }
  await writeLimit(tx, organizationId, { metric, period }, limit)
  for (const { pot, changed } of changes) {
    const amount = changed.allowance - pot.allowance
    await change(tx, changed, amount === 0 ? null : { kind: 'limit', amount, reason })
  }
  return { kind: 'done' }
}

/**
 * Corrects what the present pot of a period allows, up or down. Refused below what is reserved and used, and where there is
 * nothing to correct. Under `lockQuota`.
 */
export async function adjustQuota(
  tx: Executor,
  moment: QuotaMoment,
  { metric, period, amount }: QuotaAmount & { readonly period: QuotaPeriod },
  reason: string,
): Promise<{ readonly kind: 'done' } | { readonly kind: 'unlimited' } | LimitTooLow> {
  await openPots(tx, moment, [metric])
  const pots = await listPresentPots(tx, moment, { metric, period }, false)
  const [pot] = pots.filter(({ isUnlimited }) => !isUnlimited)
  if (!pot) return { kind: 'unlimited' }
  const allowance = pot.allowance + amount
  if (allowance < 0 || (pot.isHard && pot.spoken > allowance)) return { kind: 'tooLow', spoken: pot.spoken }
  await change(tx, { ...pot, allowance }, { kind: 'adjust', amount, reason })
  return { kind: 'done' }
}

interface Pot {
  readonly id: string
  readonly allowance: number
  readonly spoken: number
  readonly isHard: boolean
  /** Counted, but neither limited nor granted. */
  readonly isUnlimited: boolean
}

const potColumns = sql.raw(
  `id, allowance, reserved + used as spoken, is_hard as "isHard",
   not is_hard and not exists (
     select from quota_limit where (quota_limit.organization_id, quota_limit.metric, quota_limit.period)
                                 = (quota.organization_id, quota.metric, quota.period)) as "isUnlimited"`,
)

/** The pot of all time, opened if there is none. */
async function openTotal(tx: Executor, organizationId: string, metric: Metric): Promise<Pot> {
  await sql`
    insert into quota (organization_id, metric, period) values (${organizationId}, ${metric}, 'total')
    on conflict do nothing`.execute(tx)
  const { rows } = await sql<Pot>`
    select ${potColumns} from quota
     where organization_id = ${organizationId} and metric = ${metric} and period = 'total' and not is_grant`.execute(
    tx,
  )
  const [pot] = rows
  if (!pot) throw new Error(`organization ${organizationId} has no pot of ${metric}`)
  return pot
}

/** The pots of a period that are not over: one, but for the moment in which the next has been opened already. */
async function listPresentPots(
  tx: Executor,
  { organizationId, at, day, month }: QuotaMoment,
  { metric, period }: LimitedPeriod,
  opens: boolean,
): Promise<readonly Pot[]> {
  if (opens) {
    const present = period === 'day' ? day : period === 'month' ? month : { startsAt: null, endsAt: null }
    await sql`
      insert into quota (organization_id, metric, period, is_hard, starts_at, ends_at)
      values (${organizationId}, ${metric}, ${period}, false, ${present.startsAt}, ${present.endsAt})
      on conflict do nothing`.execute(tx)
  }
  const { rows } = await sql<Pot>`
    select ${potColumns} from quota
     where organization_id = ${organizationId} and metric = ${metric} and period = ${period} and not is_grant
       and coalesce(ends_at > ${at}, true)`.execute(tx)
  return rows
}

/** Writes a pot, with the entry that says why. */
async function change(
  tx: Executor,
  { id, allowance, isHard }: Pot,
  entry: {
    readonly kind: QuotaEntryKind
    readonly amount: number
    readonly reason: string | null
  } | null = null,
): Promise<void> {
  await sql`
    update quota set allowance = ${allowance}, is_hard = ${isHard}, updated_at = clock_timestamp()
     where id = ${id}`.execute(tx)
  if (!entry) return
  await sql`
    insert into quota_entry (organization_id, metric, period, quota_id, kind, amount, balance, reason, counted_at)
    select organization_id, metric, period, id, ${entry.kind}, ${entry.amount}::bigint, allowance - reserved - used,
           ${entry.reason}, clock_timestamp()
      from quota where id = ${id}`.execute(tx)
}

type LimitedPeriod = Pick<QuotaLimit, 'metric' | 'period'>

async function readLimit(
  tx: Executor,
  organizationId: string,
  { metric, period }: LimitedPeriod,
): Promise<number> {
  const { rows } = await sql<{ amount: number }>`
    select amount from quota_limit
     where organization_id = ${organizationId} and metric = ${metric} and period = ${period}`.execute(tx)
  return rows[0]?.amount ?? 0
}

async function writeLimit(
  tx: Executor,
  organizationId: string,
  { metric, period }: LimitedPeriod,
  limit: LimitTerms | null,
): Promise<void> {
  if (limit === null) {
    await sql`
      delete from quota_limit
       where organization_id = ${organizationId} and metric = ${metric} and period = ${period}`.execute(tx)
    return
  }
  await sql`
    insert into quota_limit (organization_id, metric, period, amount, is_hard, span_seconds)
    values (${organizationId}, ${metric}, ${period}, ${limit.amount}, ${limit.isHard}, ${limit.windowSeconds})
    on conflict (organization_id, metric, period) do update
       set amount = excluded.amount, is_hard = excluded.is_hard, span_seconds = excluded.span_seconds, updated_at = now()`.execute(
    tx,
  )
}
