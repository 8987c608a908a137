import { createHash } from 'node:crypto'
import { MalformedCursor, type Page, type Positioned } from '../../store/paging.ts'
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

export const defaultPageSize = 20
export const maxPageSize = 100

/** Identifies a list: its name, and the id of the organization or object that it belongs to. */
export interface ListName {
  readonly list: string
  readonly of: string
}

/**
 * Returns a page of a list that the store sorts by time. Throws `BAD_USER_INPUT` for an invalid page size or cursor. A cursor
 * contains a tag of its list, so that a cursor of another list is invalid rather than a wrong position.
 */
export async function connectionOf<Row>(
  name: ListName,
  args: ConnectionArguments,
  list: (page: Page) => Promise<readonly Positioned<Row>[]>,
): Promise<Connection<Row>> {
  const tag = listTag(name)
  const after = decode(tag, 'after', args.after)
  const before = decode(tag, 'before', args.before)
  try {
    return await pageOf(
      args,
      (row: Positioned<Row>) => encode(tag, row.position),
      (range) => list({ ...range, after, before }),
    )
  } catch (error) {
    if (error instanceof MalformedCursor) throw invalidCursor('after or before')
    throw error
  }
}

export interface NumberRange {
  readonly after: number
  readonly before: number
  readonly limit: number
  readonly inverted: boolean
}

/**
 * Returns a page of a list whose items are numbered without a gap; the numbers are the cursors. Throws `AFTER_OUT_OF_RANGE` if
 * `after` is greater than the last number: a client that waited for it would miss the items up to it.
 */
export async function numberedConnectionOf<Row>(
  args: ConnectionArguments,
  numberOf: (row: Row) => number,
  readLast: () => Promise<number>,
  list: (range: NumberRange) => Promise<readonly Row[]>,
): Promise<Connection<Row>> {
  const after = parseNumber('after', args.after) ?? 0
  const before = parseNumber('before', args.before) ?? Number.MAX_SAFE_INTEGER
  if (after > 0) requireExistingSequence(after, await readLast())
  return await pageOf(
    args,
    (row) => String(numberOf(row)),
    (range) => list({ ...range, after, before }),
  )
}

/** Reads one item more than the page size, to find out whether there are more items. */
async function pageOf<Row>(
  args: ConnectionArguments,
  cursorOf: (row: Row) => string,
  list: (range: { readonly limit: number; readonly inverted: boolean }) => Promise<readonly Row[]>,
): Promise<Connection<Row>> {
  const size = pageSizeOf(args)
  const inverted = args.last != null
  const rows = await list({ limit: size + 1, inverted })
  const page = rows.slice(0, size)
  if (inverted) page.reverse()
  const edges = page.map((node) => ({ cursor: cursorOf(node), node }))
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

/** The requested page size. Throws `BAD_USER_INPUT` unless it is from 1 to 100, or if both sizes are given. */
export function pageSizeOf({ first, last }: Pick<ConnectionArguments, 'first' | 'last'>): number {
  if (first != null && last != null)
    throw requestError('BAD_USER_INPUT', 'pass either first or last, not both')
  const size = first ?? last ?? defaultPageSize
  if (size < 1 || size > maxPageSize)
    throw requestError(
      'BAD_USER_INPUT',
      `${last == null ? 'first' : 'last'} must be from 1 to ${maxPageSize}`,
    )
  return size
}

/** Throws `AFTER_OUT_OF_RANGE` if `after` is greater than the last sequence. */
export function requireExistingSequence(after: number, last: number): void {
  if (after <= last) return
  throw requestError('AFTER_OUT_OF_RANGE', `after is ${after}, but the last sequence is ${last}`, {
    lastSequence: last,
  })
}

function parseNumber(argument: string, cursor: string | null | undefined): number | undefined {
  if (cursor == null) return undefined
  if (!/^\d{1,15}$/.test(cursor)) throw invalidCursor(argument)
  return Number(cursor)
}

function encode(tag: string, position: string): string {
  return Buffer.from(`${position} ${tag}`).toString('base64url')
}

function decode(tag: string, argument: string, cursor: string | null | undefined): string | undefined {
  if (cursor == null) return undefined
  const [position = '', given] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ')
  if (given !== tag || encode(tag, position) !== cursor) throw invalidCursor(argument)
  return position
}

/** A short hash that distinguishes lists and does not reveal whether a list exists. */
function listTag({ list, of }: ListName): string {
  return createHash('sha256').update(`${list} ${of}`).digest('base64url').slice(0, 8)
}

/** The same error for malformed cursors and for cursors of other lists. */
function invalidCursor(argument: string) {
  return requestError(
    'BAD_USER_INPUT',
    `${argument} is not a cursor of this list; pass the cursor of one of its items, or a page's startCursor or endCursor`,
  )
}
