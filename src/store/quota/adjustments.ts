import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { lockQuota, openBalances, type QuotaLimit, type QuotaMoment } from './balances.ts'
import type { QuotaAmount } from './debits.ts'
import type { Metric, QuotaEntryKind, QuotaPeriod } from './tables.ts'

/** The validity of a grant. Without either bound it is valid forever. */
export interface GrantTerms {
  readonly period: QuotaPeriod
  readonly validFrom: Date | null
  readonly validUntil: Date | null
}

const unbounded: GrantTerms = { period: 'total', validFrom: null, validUntil: null }

/**
 * Grants quota to an organization. A grant with a bound, or for a period shorter than `total`, is a balance of its own; what remains
 * in it at its end expires. A metric that was unlimited becomes limited to the grant, not counting earlier usage.
 */
export async function grantQuota(
  tx: Executor,
  organizationId: string,
  { metric, amount }: QuotaAmount,
  reason: string | null,
  terms: GrantTerms = unbounded,
): Promise<void> {
  const { period, validFrom, validUntil } = terms
  const kind = 'grant'
  await lockQuota(tx, organizationId)
  if (period === 'total') {
    const balance = await openTotal(tx, organizationId, metric)
    const carried = balance.isUnlimited ? balance.committed - balance.allowance : 0
    const limited = {
      ...balance,
      isHard: balance.isHard || balance.isUnlimited,
      allowance: balance.allowance + carried,
    }
    if (carried > 0)
      await updateBalance(tx, limited, { kind: 'adjust', amount: carried, reason: beforeLimit })
    if (validFrom === null && validUntil === null) {
      await updateBalance(tx, { ...limited, allowance: limited.allowance + amount }, { kind, amount, reason })
      return
    }
    await updateBalance(tx, limited)
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

/** The refusal of a change that would leave a hard limit below what is reserved and used. */
export interface LimitTooLow {
  readonly kind: 'tooLow'
  readonly committed: number
}

/**
 * Sets, changes or (with null) removes the limit of a metric in a period. The current balance follows; a first limit counts from now
 * on. Refuses a hard limit below what is reserved and used. Requires `lockQuota`.
 */
export async function setQuotaLimit(
  tx: Executor,
  moment: QuotaMoment,
  { metric, period }: LimitedPeriod,
  limit: LimitTerms | null,
  reason: string | null,
): Promise<{ readonly kind: 'done' } | LimitTooLow> {
  const { organizationId } = moment
  await openBalances(tx, moment, [metric])
  const before = await readLimit(tx, organizationId, { metric, period })
  const balances = await listCurrentBalances(tx, moment, { metric, period }, limit !== null)

  const changes = balances.map((balance) => {
    const allowance = Math.max(0, balance.allowance + (limit?.amount ?? 0) - before)
    const isHard = limit?.isHard ?? (period === 'total' && allowance > 0)
    return { balance, changed: { ...balance, allowance, isHard } }
  })
  const tooLow = changes.find(
    ({ balance, changed }) => changed.isHard && balance.committed > changed.allowance,
  )
  if (tooLow) return { kind: 'tooLow', committed: tooLow.balance.committed }
  await writeLimit(tx, organizationId, { metric, period }, limit)
  for (const { balance, changed } of changes) {
    const amount = changed.allowance - balance.allowance
    await updateBalance(tx, changed, amount === 0 ? null : { kind: 'limit', amount, reason })
  }
  return { kind: 'done' }
}

/**
 * Adjusts the allowance of a period's current balance, up or down. Refuses to go below what is reserved and used, and refuses an
 * unlimited period. Requires `lockQuota`.
 */
export async function adjustQuota(
  tx: Executor,
  moment: QuotaMoment,
  { metric, period, amount }: QuotaAmount & { readonly period: QuotaPeriod },
  reason: string,
): Promise<{ readonly kind: 'done' } | { readonly kind: 'unlimited' } | LimitTooLow> {
  await openBalances(tx, moment, [metric])
  const balances = await listCurrentBalances(tx, moment, { metric, period }, false)
  const [balance] = balances.filter(({ isUnlimited }) => !isUnlimited)
  if (!balance) return { kind: 'unlimited' }
  const allowance = balance.allowance + amount
  if (allowance < 0 || (balance.isHard && balance.committed > allowance))
    return { kind: 'tooLow', committed: balance.committed }
  await updateBalance(tx, { ...balance, allowance }, { kind: 'adjust', amount, reason })
  return { kind: 'done' }
}

interface Balance {
  readonly id: string
  readonly allowance: number
  readonly committed: number
  readonly isHard: boolean
  /** Usage is counted, but there is neither a limit nor a grant. */
  readonly isUnlimited: boolean
}

const balanceColumns = sql.raw(
  `id, allowance, reserved + used as committed, is_hard as "isHard",
   not is_hard and not exists (
     select from quota_limit where (quota_limit.organization_id, quota_limit.metric, quota_limit.period)
                                 = (quota.organization_id, quota.metric, quota.period)) as "isUnlimited"`,
)

/** The balance of the period `total`, created if it does not exist. */
async function openTotal(tx: Executor, organizationId: string, metric: Metric): Promise<Balance> {
  await sql`
    insert into quota (organization_id, metric, period) values (${organizationId}, ${metric}, 'total')
    on conflict do nothing`.execute(tx)
  const { rows } = await sql<Balance>`
    select ${balanceColumns} from quota
     where organization_id = ${organizationId} and metric = ${metric} and period = 'total' and not is_grant`.execute(
    tx,
  )
  const [balance] = rows
  if (!balance) throw new Error(`organization ${organizationId} has no balance of ${metric}`)
  return balance
}

/** The balances of a period that have not ended: one, or two while the next one has been opened already. */
async function listCurrentBalances(
  tx: Executor,
  { organizationId, at, day, month }: QuotaMoment,
  { metric, period }: LimitedPeriod,
  opens: boolean,
): Promise<readonly Balance[]> {
  if (opens) {
    const current = period === 'day' ? day : period === 'month' ? month : { startsAt: null, endsAt: null }
    await sql`
      insert into quota (organization_id, metric, period, is_hard, starts_at, ends_at)
      values (${organizationId}, ${metric}, ${period}, false, ${current.startsAt}, ${current.endsAt})
      on conflict do nothing`.execute(tx)
  }
  const { rows } = await sql<Balance>`
    select ${balanceColumns} from quota
     where organization_id = ${organizationId} and metric = ${metric} and period = ${period} and not is_grant
       and coalesce(ends_at > ${at}, true)`.execute(tx)
  return rows
}

/** Updates a balance, with its ledger entry. */
async function updateBalance(
  tx: Executor,
  { id, allowance, isHard }: Balance,
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
