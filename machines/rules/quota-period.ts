/** A half-open interval in epoch milliseconds: `endsAt` is excluded. */
export interface Interval {
  readonly startsAt: number
  readonly endsAt: number
}

/** The percentages of an allowance at which people are notified. */
export const quotaThresholds: readonly number[] = [50, 80, 100]

/**
 * The day or month in an IANA zone that contains an instant. Each ends where the next begins: a day can have 23, 24 or 25
 * hours, or any other length after a change of law.
 */
export function quotaPeriodAt(period: 'day' | 'month', timeZone: string, at: number): Interval {
  const { year, month, day } = wallClock(timeZone, at)
  const first = period === 'day' ? day : 1
  const [next, following] = period === 'day' ? [month, first + 1] : [month + 1, 1]
  return {
    startsAt: startOfDay(timeZone, Date.UTC(year, month, first)),
    endsAt: startOfDay(timeZone, Date.UTC(year, next, following)),
  }
}

/**
 * The first instant of a date in a zone. `midnight` is that date's midnight as if it were UTC. Where clocks skip midnight, the
 * day begins after the gap; where they repeat it, at the first.
 */
function startOfDay(timeZone: string, midnight: number): number {
  const before = midnight - offsetAt(timeZone, midnight - dayMs)
  const after = midnight - offsetAt(timeZone, midnight + dayMs)
  const isReached = (instant: number) => instant + offsetAt(timeZone, instant) >= midnight
  return [Math.min(before, after), Math.max(before, after)].find(isReached) ?? Math.max(before, after)
}

const dayMs = 86_400_000

/** The zone's offset from UTC, in milliseconds. */
function offsetAt(timeZone: string, at: number): number {
  const { year, month, day, hour, minute, second } = wallClock(timeZone, at)
  return Date.UTC(year, month, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000
}

/** The wall-clock fields of a zone; the month counts from 0, as in `Date`. */
function wallClock(timeZone: string, at: number) {
  const fields = new Map(
    formatOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, Number(value)]),
  )
  const read = (part: Intl.DateTimeFormatPartTypes) => fields.get(part) ?? Number.NaN
  return {
    year: read('year'),
    month: read('month') - 1,
    day: read('day'),
    hour: read('hour'),
    minute: read('minute'),
    second: read('second'),
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** Cached: creating a format takes a hundred times as long as using it. */
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(timeZone, made)
  return made
}
