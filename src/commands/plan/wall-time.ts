import { Temporal } from 'temporal-polyfill'

/** What a wall time means in a time zone, by a version of the time zone data such as `2026c`. */
export type ResolvedWallTime =
  | {
      readonly kind: 'instant'
      readonly at: Date
      readonly wallTime: string
      readonly tzdataVersion: string
    }
  | { readonly kind: 'invalid'; readonly message: string }

/** Time zone data: what wall times mean, and its version. Versions sort by age: `2025b`, `2025c`, `2026a`. */
export interface TimeZoneData {
  /** Empty if it is not known. */
  readonly version: string
  instantOf(wallTime: string, timeZone: string): ResolvedWallTime
}

/** The version that this Node was built with. */
const bundledVersion = process.versions.tz ?? ''

const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/

/** Whether the name is one of the IANA zones known here. Fixed offsets are none: they know no daylight saving. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/**
 * The instant of a wall time such as `2026-03-29T02:30` in an IANA zone. A time that the clocks skip in spring means
 * as long after the gap as it lies in it; of a time that occurs twice in autumn, the first is meant.
 * (RFC 5545, 3.3.5, and Temporal's "compatible".)
 */
export function instantOf(wallTime: string, timeZone: string): ResolvedWallTime {
  if (!shape.test(wallTime)) {
    return { kind: 'invalid', message: 'must be a local date and time such as 2026-03-29T18:30:00' }
  }
  try {
    const local = Temporal.PlainDateTime.from(wallTime, { overflow: 'reject' })
    const zoned = local.toZonedDateTime(timeZone, { disambiguation: 'compatible' })
    const at = new Date(zoned.epochMilliseconds)
    return { kind: 'instant', at, wallTime: local.toString(), tzdataVersion: bundledVersion }
  } catch {
    return { kind: 'invalid', message: `is not a date and time of the calendar: ${wallTime}` }
  }
}

/** The data that this Node was built with. */
export const bundledTimeZones: TimeZoneData = { version: bundledVersion, instantOf }
