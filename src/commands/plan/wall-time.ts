import { Temporal } from 'temporal-polyfill'

/** A wall time resolved in a time zone, with the version of the time zone data that was used, such as `2026c`. */
export type ResolvedWallTime =
  | {
      readonly kind: 'instant'
      readonly at: Date
      readonly wallTime: string
      readonly tzdataVersion: string
    }
  | { readonly kind: 'invalid'; readonly message: string }

/** Time zone data and its version. Versions sort by age: `2025b`, `2025c`, `2026a`. */
export interface TimeZoneData {
  /** Empty if unknown. */
  readonly version: string
  instantOf(wallTime: string, timeZone: string): ResolvedWallTime
}

/** The version in this build of Node. */
const bundledVersion = process.versions.tz ?? ''

const shape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$/

/** Whether a name is a known IANA zone. Fixed offsets are refused, because they have no daylight saving. */
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
 * Resolves a wall time such as `2026-03-29T02:30` in an IANA zone. A time that daylight saving skips is shifted forward by the
 * length of the gap; of a time that occurs twice, the first is used (RFC 5545, 3.3.5; Temporal's "compatible").
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
    return { kind: 'invalid', message: `is not a valid date and time: ${wallTime}` }
  }
}

/** The time zone data of this build of Node. */
export const bundledTimeZones: TimeZoneData = { version: bundledVersion, instantOf }
