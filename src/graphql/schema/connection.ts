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

/** Which list it is: its name, and whose, by the id of the organization or of the thing that it belongs to. */
export interface ListName {
  readonly list: string
  readonly of: string
}

/**
 * Answers a page of a list that the store sorts by time: 20 items if nothing is said, never more than 100. A cursor names its
 * list, so that one of another list is refused, instead of being taken for a place in this one.
 */
export async function connectionOf<Row>(
  whose: ListName,
  args: ConnectionArguments,
  list: (page: Page) => Promise<readonly Positioned<Row>[]>,
): Promise<Connection<Row>> {
  const after = decode(whose, 'after', args.after)
  const before = decode(whose, 'before', args.before)
  try {
    return await pageOf(
      args,
      (row: Positioned<Row>) => encode(whose, row.position),
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
 * The same for lists that are numbered without a gap, whose cursors are the numbers. `after` a number that there is not yet
 * is refused: whoever has it has it from somewhere else, and would miss what comes until then.
 */
export async function numberedConnectionOf<Row>(
  args: ConnectionArguments,
  numberOf: (row: Row) => number,
  readLast: () => Promise<number>,
  list: (range: NumberRange) => Promise<readonly Row[]>,
): Promise<Connection<Row>> {
  const after = readNumber('after', args.after) ?? 0
  const before = readNumber('before', args.before) ?? Number.MAX_SAFE_INTEGER
  if (after > 0) requireExistingSequence(after, await readLast())
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
  const size = first ?? last ?? defaultPageSize
  if (size < 1 || size > maxPageSize)
    throw requestError('BAD_USER_INPUT', `${last == null ? 'first' : 'last'} is from 1 to ${maxPageSize}`)
  return size
}

/** Refuses what is beyond the last number that was given out, and names that. */
export function requireExistingSequence(after: number, last: number): void {
  if (after <= last) return
  throw requestError('AFTER_OUT_OF_RANGE', `after is ${after}, and the last number there is is ${last}`, {
    lastSequence: last,
  })
}

function readNumber(name: string, cursor: string | null | undefined): number | undefined {
  if (cursor == null) return undefined
  if (!/^\d{1,15}$/.test(cursor)) throw invalidCursor(name)
  return Number(cursor)
}

function encode(whose: ListName, position: string): string {
  return Buffer.from(`${position} ${listTag(whose)}`).toString('base64url')
}

function decode(whose: ListName, name: string, cursor: string | null | undefined): string | undefined {
  if (cursor == null) return undefined
  const [position = '', mark] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ')
  if (mark !== listTag(whose) || encode(whose, position) !== cursor) throw invalidCursor(name)
  return position
}

/** No secret: it tells lists apart, and says of none that it exists. */
function listTag({ list, of }: ListName): string {
  return createHash('sha256').update(`${list} ${of}`).digest('base64url').slice(0, 8)
}

/** The same for every cursor that is none here, whatever it is elsewhere. */
function invalidCursor(name: string) {
  return requestError(
    'BAD_USER_INPUT',
    `${name} is not a cursor of this list; give the cursor of one of its items, or a page's startCursor or endCursor`,
  )
}
