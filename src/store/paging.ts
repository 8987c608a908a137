import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** Which part of a sorted list is asked for. Positions are the `position` of a row that an earlier page ended with. */
export interface Page {
  readonly after?: string | undefined
  readonly before?: string | undefined
  readonly limit: number
  /** Read from the end: rows come in the opposite order. */
  readonly inverted: boolean
}

/** A row of a list, with where it stands in it. */
export type Placed<Row> = Row & { readonly position: string }

/** A position that no list could have given out. */
export class PositionMalformed extends Error {
  override readonly name = 'PositionMalformed'
}

interface Keyset {
  readonly position: RawBuilder<string>
  readonly within: RawBuilder<SqlBool>
  readonly order: RawBuilder<unknown>
}

/**
 * Pages by (timestamp, id) instead of by offset: a page costs the same anywhere in the list, and rows that come or go
 * meanwhile neither repeat nor skip others. The timestamp travels as whole microseconds, for a JavaScript `Date` would
 * cut them off. Throws `PositionMalformed`.
 */
export function keyset(table: string, column: string, direction: 'asc' | 'desc', page: Page): Keyset {
  const time = sql.ref(`${table}.${column}`)
  const id = sql.ref(`${table}.id`)
  const forward = direction === 'asc'
  const limits = [
    ...(page.after ? [beyond(time, id, forward ? '>' : '<', page.after)] : []),
    ...(page.before ? [beyond(time, id, forward ? '<' : '>', page.before)] : []),
  ]
  const way = sql.raw(forward !== page.inverted ? 'asc' : 'desc')
  return {
    position: sql<string>`(extract(epoch from ${time}) * 1000000)::bigint || '.' || ${id}`,
    within: limits.length > 0 ? sql<SqlBool>`${sql.join(limits, sql` and `)}` : sql<SqlBool>`true`,
    order: sql`${time} ${way}, ${id} ${way}`,
  }
}

function beyond(time: RawBuilder<unknown>, id: RawBuilder<unknown>, comparison: '<' | '>', position: string) {
  const [, micros, after] = /^(\d{1,17})\.([0-9a-f-]{36})$/.exec(position) ?? []
  if (!micros || !after) throw new PositionMalformed('this cursor was not given out for this list')
  const instant = sql`timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`
  return sql`(${time}, ${id}) ${sql.raw(comparison)} (${instant}, ${after}::uuid)`
}
