import { expect, it } from 'vitest'
import { instantOf, isTimeZone } from '../../../src/commands/plan/wall-time.ts'

it.each([
  ['a usual day', '2026-07-01T18:30', 'Europe/Berlin', '2026-07-01T16:30:00.000Z'],
  ['with seconds', '2026-07-01T18:30:15', 'Asia/Kathmandu', '2026-07-01T12:45:15.000Z'],
  ['in the hour that is skipped in spring', '2026-03-29T02:30', 'Europe/Berlin', '2026-03-29T01:30:00.000Z'],
  [
    'in the hour that occurs twice in autumn',
    '2026-10-25T02:30',
    'Europe/Berlin',
    '2026-10-25T00:30:00.000Z',
  ],
  ['in a gap of half an hour', '2026-10-04T02:15', 'Australia/Lord_Howe', '2026-10-03T15:45:00.000Z'],
  ['on a day that a zone left out', '2011-12-30T12:00', 'Pacific/Apia', '2011-12-30T22:00:00.000Z'],
])('the instant of a wall time is computed: %s', (_name, wallTime, zone, instant) => {
  expect(instantOf(wallTime, zone)).toMatchObject({ kind: 'instant', at: new Date(instant) })
})

it.each([
  ['2026-02-30T10:00'],
  ['2026-01-01'],
  ['2026-01-01T25:00'],
  ['2026-01-01T10:00Z'],
  ['tomorrow'],
  [''],
])('the wall time "%s" is refused', (wallTime) => {
  expect(instantOf(wallTime, 'UTC').kind).toBe('invalid')
})

it('a time zone is a name of the IANA database, not an offset', () => {
  expect(['UTC', 'Europe/Berlin', 'America/Argentina/Buenos_Aires'].map(isTimeZone)).toEqual([
    true,
    true,
    true,
  ])
  expect(['', '+02:00', 'Mars/Olympus', 'Europe/Berlin '].map(isTimeZone)).toEqual([
    false,
    false,
    false,
    false,
  ])
})
