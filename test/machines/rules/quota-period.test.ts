import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { expect, it } from 'vitest'
import { quotaPeriodAt } from '../../../machines/rules/quota-period.ts'

const iso = (at: number) => new Date(at).toISOString()

it.each([
  ['UTC', '2026-03-14T09:00Z', '2026-03-14T00:00:00.000Z', 24],
  ['Europe/Berlin', '2026-03-29T12:00Z', '2026-03-28T23:00:00.000Z', 23],
  ['Europe/Berlin', '2026-10-25T12:00Z', '2026-10-24T22:00:00.000Z', 25],
  // The clocks go from 23:59 to 01:00: the day begins at one.
  ['America/Santiago', '2026-09-06T12:00Z', '2026-09-06T04:00:00.000Z', 23],
  // Midnight is shown twice, and the half hour between the two is the new day already.
  ['Atlantic/Azores', '2026-10-25T00:30Z', '2026-10-25T00:00:00.000Z', 25],
  ['Australia/Lord_Howe', '2026-10-04T02:00Z', '2026-10-03T13:30:00.000Z', 23.5],
  // The island went from Thursday to Saturday.
  ['Pacific/Apia', '2011-12-30T05:00Z', '2011-12-29T10:00:00.000Z', 24],
])('a day in %s lasts from its midnight to the next', (zone, at, startsAt, hours) => {
  const stretch = quotaPeriodAt('day', zone, Date.parse(at))
  expect(iso(stretch.startsAt)).toBe(startsAt)
  expect((stretch.endsAt - stretch.startsAt) / 3_600_000).toBe(hours)
})

it('months follow the same zone rules', () => {
  const { startsAt, endsAt } = quotaPeriodAt('month', 'Europe/Berlin', Date.parse('2026-12-31T23:30Z'))
  expect([iso(startsAt), iso(endsAt)]).toEqual(['2026-12-31T23:00:00.000Z', '2027-01-31T23:00:00.000Z'])
})

it('days and months agree with Temporal in every zone', () => {
  const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'))
  const at = fc.integer({ min: Date.UTC(2005, 0), max: Date.UTC(2035, 0) })
  fc.assert(
    fc.property(zone, at, (timeZone, instant) => {
      const today = Temporal.Instant.fromEpochMilliseconds(instant).toZonedDateTimeISO(timeZone).toPlainDate()
      const first = today.with({ day: 1 })
      const startOf = (date: Temporal.PlainDate) => date.toZonedDateTime(timeZone).epochMilliseconds
      expect(quotaPeriodAt('day', timeZone, instant)).toEqual({
        startsAt: startOf(today),
        endsAt: startOf(today.add({ days: 1 })),
      })
      expect(quotaPeriodAt('month', timeZone, instant)).toEqual({
        startsAt: startOf(first),
        endsAt: startOf(first.add({ months: 1 })),
      })
    }),
    { numRuns: 2_000 },
  )
})
