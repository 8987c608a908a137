import { type Page, type Placed, PositionMalformed } from '../store/keyset.ts'
import { requestError } from './error.ts'

export interface ConnectionArguments {
  readonly first?: number | null | undefined
  readonly last?: number | null | undefined
  readonly after?: string | null | undefined
  readonly before?: string | null | undefined
}

export interface Connection<Row> {
  readonly edges: { cursor: string; node: Row }[]
  readonly pageInfo: {
    hasNextPage: boolean
    hasPreviousPage: boolean
    startCursor: string | null
    endCursor: string | null
  }
}

const usualItems = 20
const mostItems = 100

/** Answers a page of a list that the store sorts by time: 20 items if nothing is said, never more than 100. */
export async function connectionOf<Row>(
  args: ConnectionArguments,
  list: (page: Page) => Promise<readonly Placed<Row>[]>,
): Promise<Connection<Row>> {
  try {
    return await pageOf(
      args,
      (row: Placed<Row>) => Buffer.from(row.position).toString('base64url'),
      (range) => list({ ...range, after: decode(args.after), before: decode(args.before) }),
    )
  } catch (error) {
    if (error instanceof PositionMalformed) throw strangeCursor()
    throw error
  }
}

export interface NumberRange {
  readonly after: number
  readonly before: number
  readonly limit: number
  readonly inverted: boolean
}

/** The same for lists that are numbered without a gap, whose cursors are the numbers. */
export async function numberedConnectionOf<Row>(
  args: ConnectionArguments,
  numberOf: (row: Row) => number,
  list: (range: NumberRange) => Promise<readonly Row[]>,
): Promise<Connection<Row>> {
  const after = readNumber(args.after) ?? 0
  const before = readNumber(args.before) ?? Number.MAX_SAFE_INTEGER
  return await pageOf(
    args,
    (row) => String(numberOf(row)),
    (range) => list({ ...range, after, before }),
  )
}

/** Asks for one item more than the page has, which tells whether there is more. */
async function pageOf<Row>(
  args: ConnectionArguments,
  cursorOf: (row: Row) => string,
  list: (range: { readonly limit: number; readonly inverted: boolean }) => Promise<readonly Row[]>,
): Promise<Connection<Row>> {
  const size = pageSizeOf(args)
  const inverted = args.last != null
  const rows = await list({ limit: size + 1, inverted })
  const shown = rows.slice(0, size)
  if (inverted) shown.reverse()
  const edges = shown.map((node) => ({ cursor: cursorOf(node), node }))
  const hasMore = rows.length > size
  return {
    edges,
    pageInfo: {
      hasNextPage: inverted ? args.before != null : hasMore,
      hasPreviousPage: inverted ? hasMore : args.after != null,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  }
}

/** How many items are asked for; refuses less than 1 and more than 100. */
export function pageSizeOf({ first, last }: Pick<ConnectionArguments, 'first' | 'last'>): number {
  if (first != null && last != null)
    throw requestError('BAD_USER_INPUT', 'give either first or last, not both')
  const size = first ?? last ?? usualItems
  if (size < 1 || size > mostItems)
    throw requestError('BAD_USER_INPUT', `${last == null ? 'first' : 'last'} is from 1 to ${mostItems}`)
  return size
}

function readNumber(cursor: string | null | undefined): number | undefined {
  if (cursor == null) return undefined
  if (!/^\d{1,15}$/.test(cursor)) throw strangeCursor()
  return Number(cursor)
}

function decode(cursor: string | null | undefined): string | undefined {
  return cursor == null ? undefined : Buffer.from(cursor, 'base64url').toString('utf8')
}

function strangeCursor() {
  return requestError('BAD_USER_INPUT', 'after or before is not a cursor of this list')
}
