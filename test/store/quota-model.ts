import { Temporal } from 'temporal-polyfill'
import type { QuotaAmount } from '../../src/store/quota/reservations.ts'
import type { Metric, QuotaPeriod } from '../../src/store/quota/tables.ts'

/** A simple reference model of the quota ledger: plain lists, no database, and its own calendar. */
export class QuotaModel {
  readonly #zone: string
  readonly #pots: Pot[] = []
  readonly #limits = new Map<string, Limit>()
  readonly #jobs = new Map<string, Held[]>()
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
      const pot = this.#present(metric, period) ?? this.#open(metric, period, { hard: true })
      if (this.#isUnlimited(pot)) Object.assign(pot, { allowance: spokenOf(pot), hard: true })
      if (from === null && until === null) {
        pot.allowance += amount
        return
      }
    }
    this.#pots.push({
      ...{ metric, period, from, until, allowance: amount },
      ...{ isGrant: true, hard: true, reserved: 0, uses: [] },
    })
  }

  /** Returns false if the limit is refused. */
  limit(metric: Metric, period: QuotaPeriod, limit: Limit | null): boolean {
    this.#openAll([metric])
    const before = this.#limits.get(`${metric} ${period}`)?.amount ?? 0
    const pot = this.#present(metric, period) ?? (limit && this.#open(metric, period, { hard: false }))
    if (pot) {
      const allowance = Math.max(0, pot.allowance + (limit?.amount ?? 0) - before)
      const hard = limit?.hard ?? (period === 'total' && allowance > 0)
      if (hard && this.#spoken(pot) > allowance) return false
      Object.assign(pot, { allowance, hard })
    }
    if (limit) this.#limits.set(`${metric} ${period}`, limit)
    else this.#limits.delete(`${metric} ${period}`)
    return true
  }

  adjust(metric: Metric, period: QuotaPeriod, amount: number): boolean {
    this.#openAll([metric])
    const pot = this.#present(metric, period)
    if (!pot || this.#isUnlimited(pot)) return false
    const allowance = pot.allowance + amount
    if (allowance < 0 || (pot.hard && this.#spoken(pot) > allowance)) return false
    pot.allowance = allowance
    return true
  }

  reserve(job: string, needs: readonly QuotaAmount[]): boolean {
    this.#openAll(allMetrics)
    const groups = needs.flatMap(({ metric, amount }) =>
      this.#groups(metric).map((pots) => ({ pots, amount })),
    )
    const isMissing = needs.some(({ metric, amount }) => amount > 0 && this.#groups(metric).length === 0)
    if (
      isMissing ||
      groups.some(({ pots, amount }) => this.#isHard(pots) && this.#left(pots) < Math.max(1, amount))
    )
      return false
    this.#jobs.set(
      job,
      groups.flatMap(({ pots, amount }) => this.#draw(pots, amount)),
    )
    for (const { pot, amount } of this.#jobs.get(job) ?? []) pot.reserved += amount
    return true
  }

  use(metric: Metric, amount: number): void {
    this.#openAll(allMetrics)
    for (const pots of this.#groups(metric)) {
      for (const held of this.#draw(pots, amount)) held.pot.uses.push({ at: this.now, amount: held.amount })
    }
  }

  settle(job: string, isUsed: boolean): void {
    for (const { pot, amount, at } of this.#jobs.get(job) ?? []) {
      pot.reserved -= amount
      if (isUsed) pot.uses.push({ at, amount })
    }
    this.#jobs.delete(job)
  }

  /** The expected result of `listQuotas` for a metric and period; undefined if it must not be listed. */
  view(metric: Metric, period: QuotaPeriod) {
    const limit = this.#limits.get(`${metric} ${period}`)
    const isCounted = this.#pots.some((pot) => pot.metric === metric && pot.period === period)
    if (!limit && !(period === 'total' && isCounted)) return undefined
    const own = this.#present(metric, period)
    const grants = this.#pots.filter((pot) => pot.isGrant && this.#counts(pot, metric, period))
    const pots = own ? [own, ...grants] : grants
    const unopened = own ? 0 : (limit?.amount ?? 0)
    const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0)
    return {
      available: unopened + this.#left(pots),
      reserved: sum(pots.map((pot) => pot.reserved)),
      used: sum(pots.map((pot) => this.#used(pot))),
    }
  }

  /** The total usage of a metric in a period, including past ones. */
  usedEver(metric: Metric, period: QuotaPeriod): number {
    return this.#pots
      .filter((pot) => pot.metric === metric && pot.period === period)
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
        this.#isLimited(metric) || this.#pots.some((pot) => pot.metric === metric && pot.period === 'total')
      if (!isKnown && !grantedFirst.has(metric)) this.#open(metric, 'total', { hard: false })
    }
  }

  #open(
    metric: Metric,
    period: QuotaPeriod,
    start: { readonly hard: boolean; readonly allowance?: number },
  ): Pot {
    const { from, until } = this.#stretch(period)
    const pot = { metric, period, from, until, isGrant: false, allowance: 0, reserved: 0, uses: [], ...start }
    this.#pots.push(pot)
    return pot
  }

  /** The metric's current balances, grouped by period. */
  #groups(metric: Metric): readonly (readonly Pot[])[] {
    return allPeriods.flatMap((period) => {
      if (period !== 'total' && !this.#limits.has(`${metric} ${period}`)) return []
      const pots = this.#pots.filter((pot) => this.#counts(pot, metric, period))
      return pots.length > 0 ? [pots] : []
    })
  }

  #counts(pot: Pot, metric: Metric, period: QuotaPeriod): boolean {
    if (pot.metric !== metric || pot.period !== period) return false
    if (!pot.isGrant) return pot === this.#present(metric, period)
    return (
      (pot.from ?? Number.NEGATIVE_INFINITY) <= this.now && this.now < (pot.until ?? Number.POSITIVE_INFINITY)
    )
  }

  #draw(pots: readonly Pot[], amount: number): readonly Held[] {
    const order = pots.toSorted(
      (a, b) =>
        (a.until ?? Number.POSITIVE_INFINITY) - (b.until ?? Number.POSITIVE_INFINITY) ||
        Number(b.isGrant) - Number(a.isGrant),
    )
    let needed = amount
    const held = order.map((pot) => {
      const given = Math.min(needed, this.#left([pot]))
      needed -= given
      return { pot, amount: given, at: this.now }
    })
    return held
      .map((each) => (each.pot.isGrant ? each : { ...each, amount: each.amount + needed }))
      .filter((each) => each.amount > 0)
  }

  #isHard(pots: readonly Pot[]): boolean {
    const [first] = pots
    const isNothing = pots.every(({ allowance }) => allowance === 0)
    if (first && grantedFirst.has(first.metric) && isNothing && !this.#isLimited(first.metric)) return true
    return pots.every(({ hard }) => hard)
  }

  #isLimited(metric: Metric): boolean {
    return allPeriods.some((period) => this.#limits.has(`${metric} ${period}`))
  }

  #isUnlimited(pot: Pot): boolean {
    return !pot.hard && !this.#limits.has(`${pot.metric} ${pot.period}`)
  }

  #left(pots: readonly Pot[]): number {
    return pots.reduce((sum, pot) => sum + Math.max(0, pot.allowance - pot.reserved - this.#used(pot)), 0)
  }

  #spoken(pot: Pot): number {
    return pot.reserved + this.#used(pot)
  }

  #used({ metric, period, isGrant, uses }: Pot): number {
    const span = isGrant || period !== 'rolling' ? undefined : this.#limits.get(`${metric} ${period}`)?.span
    const from = span === undefined ? Number.NEGATIVE_INFINITY : this.now - span * 1_000
    return uses.reduce((sum, { at, amount }) => sum + (at > from ? amount : 0), 0)
  }

  #present(metric: Metric, period: QuotaPeriod): Pot | undefined {
    const { from } = this.#stretch(period)
    return this.#pots.find(
      (pot) => !pot.isGrant && pot.metric === metric && pot.period === period && pot.from === from,
    )
  }

  #stretch(period: QuotaPeriod): { readonly from: number | null; readonly until: number | null } {
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

interface Pot {
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

interface Held {
  readonly pot: Pot
  readonly amount: number
  readonly at: number
}

const allMetrics: readonly Metric[] = ['videos', 'seconds', 'uploads', 'storageBytes', 'providerSpend']
const allPeriods: readonly QuotaPeriod[] = ['total', 'day', 'month', 'rolling']
const grantedFirst: ReadonlySet<Metric> = new Set<Metric>(['videos', 'seconds'])

const spokenOf = ({ reserved, uses }: Pot) => reserved + uses.reduce((sum, { amount }) => sum + amount, 0)
