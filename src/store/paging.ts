import { type RawBuilder, type SqlBool, sql } from 'kysely'

/** The requested part of a sorted list. `after` and `before` are the `position` of a row of an earlier page. */
export interface Page {
  readonly after?: string | undefined
  readonly before?: string | undefined
  readonly limit: number
  /** Reads from the end: rows are returned in the opposite order. */
  readonly inverted: boolean
}

/** A row with its position in the list. */
export type Positioned<Row> = Row & { readonly position: string }

/** A position that no list has returned. */
export class MalformedCursor extends Error {
  override readonly name = 'PositionMalformed'
}

interface Keyset {
  readonly position: RawBuilder<string>
  readonly within: RawBuilder<SqlBool>
  readonly order: RawBuilder<unknown>
}

/**
 * Pages by (timestamp, id) instead of by offset: a page costs the same anywhere in the list, and concurrent inserts and deletes neither
 * repeat nor skip other rows. The position has whole microseconds, which a JavaScript `Date` would truncate. Throws `MalformedCursor`.
 */
export function keyset(table: string, column: string, direction: 'asc' | 'desc', page: Page): Keyset {
  const time = sql.ref(`${table}.${column}`)
  const id = sql.ref(`${table}.id`)
  const isAscending = direction === 'asc'
  const limits = [
    ...(page.after ? [beyond(time, id, isAscending ? '>' : '<', page.after)] : []),
    ...(page.before ? [beyond(time, id, isAscending ? '<' : '>', page.before)] : []),
  ]
  const sortOrder = sql.raw(isAscending !== page.inverted ? 'asc' : 'desc')
  return {
    position: sql<string>`(extract(epoch from ${time}) * 1000000)::bigint || '.' || ${id}`,
    within: limits.length > 0 ? sql<SqlBool>`${sql.join(limits, sql` and `)}` : sql<SqlBool>`true`,
    order: sql`${time} ${sortOrder}, ${id} ${sortOrder}`,
  }
}

function beyond(time: RawBuilder<unknown>, id: RawBuilder<unknown>, comparison: '<' | '>', position: string) {
  const [, micros, afterId] = /^(\d{1,17})\.([0-9a-f-]{36})$/.exec(position) ?? []
  if (!micros || !afterId) throw new MalformedCursor('this cursor does not belong to this list')
  const instant = sql`timestamptz 'epoch' + ${micros}::bigint * interval '1 microsecond'`
  return sql`(${time}, ${id}) ${sql.raw(comparison)} (${instant}, ${afterId}::uuid)`
}
