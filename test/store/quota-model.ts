import { Temporal } from 'temporal-polyfill'
import type { QuotaAmount } from '../../src/store/quota/debits.ts'
import type { Metric, QuotaPeriod } from '../../src/store/quota/tables.ts'

/** A simple reference model of the quota ledger: plain lists, no database, and its own calendar. */
export class QuotaModel {
  readonly #zone: string
  readonly #balances: Balance[] = []
  readonly #limits = new Map<string, Limit>()
  readonly #jobs = new Map<string, Debit[]>()
  now: number

  constructor(zone: string, now: number) {
    this.#zone = zone
    this.now = now
  }

  grant(
    metric: Metric,
    period: QuotaPeriod,
    amount: number,
    from: number | null,
    until: number | null,
  ): void {
    if (period === 'total') {
      const balance = this.#present(metric, period) ?? this.#open(metric, period, { hard: true })
      if (this.#isUnlimited(balance)) Object.assign(balance, { allowance: committedOf(balance), hard: true })
      if (from === null && until === null) {
        balance.allowance += amount
        return
      }
    }
    this.#balances.push({
      ...{ metric, period, from, until, allowance: amount },
      ...{ isGrant: true, hard: true, reserved: 0, uses: [] },
    })
  }

  /** Returns false if the limit is refused. */
  limit(metric: Metric, period: QuotaPeriod, limit: Limit | null): boolean {
    this.#openAll([metric])
    const before = this.#limits.get(`${metric} ${period}`)?.amount ?? 0
    const balance = this.#present(metric, period) ?? (limit && this.#open(metric, period, { hard: false }))
    if (balance) {
      const allowance = Math.max(0, balance.allowance + (limit?.amount ?? 0) - before)
      const hard = limit?.hard ?? (period === 'total' && allowance > 0)
      if (hard && this.#committed(balance) > allowance) return false
      Object.assign(balance, { allowance, hard })
    }
    if (limit) this.#limits.set(`${metric} ${period}`, limit)
    else this.#limits.delete(`${metric} ${period}`)
    return true
  }

  adjust(metric: Metric, period: QuotaPeriod, amount: number): boolean {
    this.#openAll([metric])
    const balance = this.#present(metric, period)
    if (!balance || this.#isUnlimited(balance)) return false
    const allowance = balance.allowance + amount
    if (allowance < 0 || (balance.hard && this.#committed(balance) > allowance)) return false
    balance.allowance = allowance
    return true
  }

  reserve(job: string, needs: readonly QuotaAmount[]): boolean {
    this.#openAll(allMetrics)
    const groups = needs.flatMap(({ metric, amount }) =>
      this.#groups(metric).map((balances) => ({ balances, amount })),
    )
    const isMissing = needs.some(({ metric, amount }) => amount > 0 && this.#groups(metric).length === 0)
    if (
      isMissing ||
      groups.some(
        ({ balances, amount }) => this.#isHard(balances) && this.#left(balances) < Math.max(1, amount),
      )
    )
      return false
    this.#jobs.set(
      job,
      groups.flatMap(({ balances, amount }) => this.#debit(balances, amount)),
    )
    for (const { balance, amount } of this.#jobs.get(job) ?? []) balance.reserved += amount
    return true
  }

  use(metric: Metric, amount: number): void {
    this.#openAll(allMetrics)
    for (const balances of this.#groups(metric)) {
      for (const debits of this.#debit(balances, amount))
        debits.balance.uses.push({ at: this.now, amount: debits.amount })
    }
  }

  settle(job: string, isUsed: boolean): void {
    for (const { balance, amount, at } of this.#jobs.get(job) ?? []) {
      balance.reserved -= amount
      if (isUsed) balance.uses.push({ at, amount })
    }
    this.#jobs.delete(job)
  }

  /** The expected result of `listQuotas` for a metric and period; undefined if it must not be listed. */
  view(metric: Metric, period: QuotaPeriod) {
    const limit = this.#limits.get(`${metric} ${period}`)
    const isCounted = this.#balances.some((balance) => balance.metric === metric && balance.period === period)
    if (!limit && !(period === 'total' && isCounted)) return undefined
    const own = this.#present(metric, period)
    const grants = this.#balances.filter(
      (balance) => balance.isGrant && this.#counts(balance, metric, period),
    )
    const balances = own ? [own, ...grants] : grants
    const unopened = own ? 0 : (limit?.amount ?? 0)
    const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
    return {
      available: unopened + this.#left(balances),
      reserved: sum(balances.map((balance) => balance.reserved)),
      used: sum(balances.map((balance) => this.#used(balance))),
    }
  }

  /** The total usage of a metric in a period, including past ones. */
  usedEver(metric: Metric, period: QuotaPeriod): number {
    return this.#balances
      .filter((balance) => balance.metric === metric && balance.period === period)
      .flatMap(({ uses }) => uses)
      .reduce((sum, { amount }) => sum + amount, 0)
  }

  #openAll(metrics: readonly Metric[]): void {
    for (const metric of metrics) {
      for (const period of allPeriods) {
        const limit = this.#limits.get(`${metric} ${period}`)
        if (limit && !this.#present(metric, period))
          this.#open(metric, period, { hard: limit.hard, allowance: limit.amount })
      }
      const isKnown =
        this.#isLimited(metric) ||
        this.#balances.some((balance) => balance.metric === metric && balance.period === 'total')
      if (!isKnown && !grantedFirst.has(metric)) this.#open(metric, 'total', { hard: false })
    }
  }

  #open(
    metric: Metric,
    period: QuotaPeriod,
    start: { readonly hard: boolean; readonly allowance?: number },
  ): Balance {
    const { from, until } = this.#intervalOf(period)
    const balance = {
      metric,
      period,
      from,
      until,
      isGrant: false,
      allowance: 0,
      reserved: 0,
      uses: [],
      ...start,
    }
    this.#balances.push(balance)
    return balance
  }

  /** The metric's current balances, grouped by period. */
  #groups(metric: Metric): readonly (readonly Balance[])[] {
    return allPeriods.flatMap((period) => {
      if (period !== 'total' && !this.#limits.has(`${metric} ${period}`)) return []
      const balances = this.#balances.filter((balance) => this.#counts(balance, metric, period))
      return balances.length > 0 ? [balances] : []
    })
  }

  #counts(balance: Balance, metric: Metric, period: QuotaPeriod): boolean {
    if (balance.metric !== metric || balance.period !== period) return false
    if (!balance.isGrant) return balance === this.#present(metric, period)
    return (
      (balance.from ?? Number.NEGATIVE_INFINITY) <= this.now &&
      this.now < (balance.until ?? Number.POSITIVE_INFINITY)
    )
  }

  #debit(balances: readonly Balance[], amount: number): readonly Debit[] {
    const order = balances.toSorted(
      (a, b) =>
        (a.until ?? Number.POSITIVE_INFINITY) - (b.until ?? Number.POSITIVE_INFINITY) ||
        Number(b.isGrant) - Number(a.isGrant),
    )
    let needed = amount
    const debits = order.map((balance) => {
      const given = Math.min(needed, this.#left([balance]))
      needed -= given
      return { balance, amount: given, at: this.now }
    })
    return debits
      .map((each) => (each.balance.isGrant ? each : { ...each, amount: each.amount + needed }))
      .filter((each) => each.amount > 0)
  }

  #isHard(balances: readonly Balance[]): boolean {
    const [first] = balances
    const isNothing = balances.every(({ allowance }) => allowance === 0)
    if (first && grantedFirst.has(first.metric) && isNothing && !this.#isLimited(first.metric)) return true
    return balances.every(({ hard }) => hard)
  }

  #isLimited(metric: Metric): boolean {
    return allPeriods.some((period) => this.#limits.has(`${metric} ${period}`))
  }

  #isUnlimited(balance: Balance): boolean {
    return !balance.hard && !this.#limits.has(`${balance.metric} ${balance.period}`)
  }

  #left(balances: readonly Balance[]): number {
    return balances.reduce(
      (sum, balance) => sum + Math.max(0, balance.allowance - balance.reserved - this.#used(balance)),
      0,
    )
  }

  #committed(balance: Balance): number {
    return balance.reserved + this.#used(balance)
  }

  #used({ metric, period, isGrant, uses }: Balance): number {
    const span = isGrant || period !== 'rolling' ? undefined : this.#limits.get(`${metric} ${period}`)?.span
    const from = span === undefined ? Number.NEGATIVE_INFINITY : this.now - span * 1_000
    return uses.reduce((sum, { at, amount }) => sum + (at > from ? amount : 0), 0)
  }

  #present(metric: Metric, period: QuotaPeriod): Balance | undefined {
    const { from } = this.#intervalOf(period)
    return this.#balances.find(
      (balance) =>
        !balance.isGrant && balance.metric === metric && balance.period === period && balance.from === from,
    )
  }

  #intervalOf(period: QuotaPeriod): { readonly from: number | null; readonly until: number | null } {
    if (period !== 'day' && period !== 'month') return { from: null, until: null }
    const today = Temporal.Instant.fromEpochMilliseconds(this.now)
      .toZonedDateTimeISO(this.#zone)
      .toPlainDate()
    const first = period === 'day' ? today : today.with({ day: 1 })
    const next = first.add(period === 'day' ? { days: 1 } : { months: 1 })
    const startOf = (date: Temporal.PlainDate) => date.toZonedDateTime(this.#zone).epochMilliseconds
    return { from: startOf(first), until: startOf(next) }
  }
}

interface Limit {
  readonly amount: number
  readonly hard: boolean
  readonly span?: number
}

interface Balance {
  readonly metric: Metric
  readonly period: QuotaPeriod
  readonly from: number | null
  readonly until: number | null
  readonly isGrant: boolean
  hard: boolean
  allowance: number
  reserved: number
  readonly uses: { readonly at: number; readonly amount: number }[]
}

interface Debit {
  readonly balance: Balance
  readonly amount: number
  readonly at: number
}

const allMetrics: readonly Metric[] = ['videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend']
const allPeriods: readonly QuotaPeriod[] = ['total', 'day', 'month', 'rolling']
const grantedFirst: ReadonlySet<Metric> = new Set<Metric>(['videos', 'seconds'])

const committedOf = ({ reserved, uses }: Balance) =>
  reserved + uses.reduce((sum, { amount }) => sum + amount, 0)
