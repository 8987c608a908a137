import { sql } from 'kysely'
import { batch } from '../../durable/batch.ts'
import type { Executor } from '../database.ts'

/** Names a window or a bucket: its organization (null: the app, or an anonymous client) and its key. */
export interface LimitName {
  readonly organizationId: string | null
  readonly key: string
}

/** A requester's request for one reservation in each of several windows. */
export interface ReservationRequest {
  readonly organizationId: string
  readonly requester: string
  readonly windowRequests: readonly (LimitName & {
    readonly maxCalls: number
    readonly windowMs: number
    readonly marginMs: number
  })[]
}

/** Instants are epoch milliseconds of the database's clock. */
export interface ReservationDecision {
  /** Granted: one instant per window. Queued: the one instant to return at. */
  readonly reservedAt: readonly number[]
  /** The key of the first window that is full now; null: granted. */
  readonly fullKey: string | null
  /** Null: queued. */
  readonly useBefore: number | null
  readonly decidedAt: number
}

export interface TokenRequest extends LimitName {
  readonly capacity: number
  readonly refillPerSecond: number
  readonly cost: number
}

export interface TokenDecision {
  readonly isConsumed: boolean
  readonly remaining: number
  readonly afterMs: number
}

export interface LimitStore {
  /** Reserves all of the windows or none. */
  acquire(request: ReservationRequest): Promise<ReservationDecision>
  consume(request: TokenRequest): Promise<TokenDecision>
}

/**
 * Windows and buckets in one statement each. Requests that are made at the same moment are sent together: a hot row is then locked
 * and committed once for all of them, by at most two connections of a process.
 *
 * The API's role sees the rows of one organization at a time, so its requests are sent per organization.
 */
export function createLimitStore(
  db: Executor,
  role: 'reelpilot_api' | 'reelpilot_runtime',
  /** A clock for tests. Default: the database's clock. */
  now?: () => number,
): LimitStore {
  const callFor = (organizationId: string | null): CallContext => ({
    actingFor: role === 'reelpilot_api' ? organizationId : null,
    asOf: now?.() ?? null,
  })
  const groupOf = ({ organizationId }: { readonly organizationId: string | null }) =>
    role === 'reelpilot_api' ? organizationId : null
  return {
    acquire: batch((requests) =>
      byGroup(requests, groupOf, (group, organizationId) =>
        reserveWindows(db, group, callFor(organizationId)),
      ),
    ),
    consume: batch((requests) =>
      byGroup(requests, groupOf, (group, organizationId) =>
        consumeTokens(db, group, callFor(organizationId)),
      ),
    ),
  }
}

interface CallContext {
  readonly actingFor: string | null
  readonly asOf: number | null
}

async function reserveWindows(
  db: Executor,
  requests: readonly ReservationRequest[],
  { actingFor, asOf }: CallContext,
): Promise<readonly ReservationDecision[]> {
  const names = numbered(requests.flatMap(({ windowRequests }) => windowRequests))
  const input = requests.map(({ organizationId, requester, windowRequests }) => ({
    organization: organizationId,
    requester,
    windows: windowRequests.map((window) => ({
      number: names.numberOf(window),
      max_calls: window.maxCalls,
      window_ms: window.windowMs,
      margin_ms: window.marginMs,
    })),
  }))
  const { rows } = await sql<
    Omit<ReservationDecision, 'reservedAt'> & { readonly reservedAt: readonly string[] }
  >`
    select reserved_at as "reservedAt", (${names.keys}::text[])[full_window] as "fullKey", use_before as "useBefore",
           decided_at as "decidedAt"
      from reserve_windows(${names.owners}::uuid[], ${names.keys}::text[], ${JSON.stringify(input)}::jsonb,
                           ${actingFor}::uuid, ${asOf}::bigint)`.execute(db)
  // The driver returns arrays of bigint as text.
  return rows.map((row) => ({ ...row, reservedAt: row.reservedAt.map(Number) }))
}

async function consumeTokens(
  db: Executor,
  requests: readonly TokenRequest[],
  { actingFor, asOf }: CallContext,
): Promise<readonly TokenDecision[]> {
  const names = numbered(requests)
  const input = requests.map((request) => ({
    number: names.numberOf(request),
    capacity: request.capacity,
    refill: request.refillPerSecond,
    cost: request.cost,
  }))
  const { rows } = await sql<TokenDecision>`
    select is_taken as "isConsumed", tokens_left as remaining, after_ms as "afterMs"
      from take_tokens(${names.owners}::uuid[], ${names.keys}::text[], ${JSON.stringify(input)}::jsonb,
                       ${actingFor}::uuid, ${asOf}::bigint)`.execute(db)
  return rows
}

/** Releases reservations by the instants that they were granted for. Expired ones are ignored. */
export async function releaseReservations(
  db: Executor,
  reservations: readonly (LimitName & { readonly at: number })[],
  actingFor: string | null = null,
): Promise<void> {
  const input = reservations.map(({ organizationId, key, at }) => ({ owner: organizationId, key, at }))
  await sql`select release_reservations(${JSON.stringify(input)}::jsonb, ${actingFor}::uuid)`.execute(db)
}

export interface WindowRecord {
  readonly key: string
  readonly maxCalls: number
  readonly windowMs: number
  readonly marginMs: number
  /** Ascending. */
  readonly log: readonly { readonly at: number; readonly count: number }[]
  readonly waiting: readonly { readonly requester: string; readonly at: number }[]
  /** The database's clock. */
  readonly now: number
}

/** The windows of an organization, by key. Those that the app shares are not included. */
export async function listRateWindows(
  db: Executor,
  organizationId: string,
): Promise<readonly WindowRecord[]> {
  const { rows } = await sql<Omit<WindowRecord, 'log'> & { readonly reservations: readonly string[] }>`
    select w.key, w.max_calls as "maxCalls", w.window_ms as "windowMs", w.margin_ms as "marginMs", w.reservations,
           floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now,
           coalesce((select jsonb_agg(jsonb_build_object('requester', q.requester, 'at', q.reserved_at)
                                      order by q.reserved_at, q.requester collate "C")
                       from rate_queue q where q.window_id = w.id), '[]') as waiting
      from rate_window w where w.organization_id = ${organizationId} order by w.key collate "C"`.execute(db)
  return rows.map(({ reservations, ...row }) => ({ ...row, log: pairsOf(reservations.map(Number)) }))
}

/** Each distinct name with a number from 1. */
function numbered(names: readonly LimitName[]) {
  const identify = ({ organizationId, key }: LimitName) => `${organizationId ?? ''} ${key}`
  const distinct = [...new Map(names.map((name) => [identify(name), name])).values()]
  const numbers = new Map(distinct.map((name, index) => [identify(name), index + 1]))
  return {
    owners: distinct.map(({ organizationId }) => organizationId),
    keys: distinct.map(({ key }) => key),
    numberOf: (name: LimitName) => numbers.get(identify(name)),
  }
}

/** Performs each group separately and returns the results in the order of the requests. */
async function byGroup<Request, Result>(
  requests: readonly Request[],
  groupOf: (request: Request) => string | null,
  perform: (group: readonly Request[], name: string | null) => Promise<readonly Result[]>,
): Promise<readonly Result[]> {
  const results = new Map<Request, Result>()
  for (const [name, group] of Map.groupBy(requests, groupOf)) {
    const groupResults = await perform(group, name)
    group.forEach((request, index) => {
      // `perform` returns one result per request.
      results.set(request, groupResults[index] as Result)
    })
  }
  return requests.map((request) => results.get(request) as Result)
}

function pairsOf(flat: readonly number[]): WindowRecord['log'] {
  return flat.flatMap((at, index) => (index % 2 === 0 ? [{ at, count: flat[index + 1] ?? 0 }] : []))
}
