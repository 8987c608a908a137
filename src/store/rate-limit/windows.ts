import { sql } from 'kysely'
import { batch } from '../../durable/batch.ts'
import type { Executor } from '../database.ts'

/** A window or a bucket: whose it is (null: the app's, or nobody's) and its key. */
export interface LimitName {
  readonly organizationId: string | null
  readonly key: string
}

/** One holder's wish for a place in each of some windows. */
export interface AskedPlaces {
  readonly organizationId: string
  readonly holder: string
  readonly demands: readonly (LimitName & {
    readonly most: number
    readonly windowMs: number
    readonly marginMs: number
  })[]
}

/** Instants are epoch milliseconds of the database's clock. */
export interface DecidedPlaces {
  /** Granted: one for each demand. Later: the one. */
  readonly places: readonly number[]
  /** The key of the first window that is full now; null: granted. */
  readonly fullKey: string | null
  /** Null: later. */
  readonly useBefore: number | null
  readonly decidedAt: number
}

export interface AskedTokens extends LimitName {
  readonly capacity: number
  readonly refillPerSecond: number
  readonly cost: number
}

export interface DecidedTokens {
  readonly taken: boolean
  readonly left: number
  readonly afterMs: number
}

export interface BucketStore {
  /** About all of the windows or none. */
  acquire(request: AskedPlaces): Promise<DecidedPlaces>
  take(request: AskedTokens): Promise<DecidedTokens>
}

/**
 * Windows and buckets in one statement each. What is asked at the same moment goes out together: a hot row is then locked
 * and committed once for all who wait for it, by at most two connections of a process.
 *
 * The API's role sees the rows of one organization at a time: its requests go out by organization.
 */
export function createBucketStore(
  db: Executor,
  role: 'reelpilot_api' | 'reelpilot_runtime',
  /** What time it is, for tests; otherwise the database's clock. */
  now?: () => number,
): BucketStore {
  const asking = (organizationId: string | null): Asking => ({
    actingFor: role === 'reelpilot_api' ? organizationId : null,
    asOf: now?.() ?? null,
  })
  const alike = ({ organizationId }: { readonly organizationId: string | null }) =>
    role === 'reelpilot_api' ? organizationId : null
  return {
    acquire: batch((requests) =>
      byGroup(requests, alike, (group, owner) => acquirePlaces(db, group, asking(owner))),
    ),
    take: batch((requests) =>
      byGroup(requests, alike, (group, owner) => takeTokens(db, group, asking(owner))),
    ),
  }
}

interface Asking {
  readonly actingFor: string | null
  readonly asOf: number | null
}

async function acquirePlaces(
  db: Executor,
  requests: readonly AskedPlaces[],
  { actingFor, asOf }: Asking,
): Promise<readonly DecidedPlaces[]> {
  const names = numbered(requests.flatMap(({ demands }) => demands))
  const asked = requests.map(({ organizationId, holder, demands }) => ({
    organization: organizationId,
    holder,
    demands: demands.map((demand) => ({
      number: names.numberOf(demand),
      most: demand.most,
      window_ms: demand.windowMs,
      margin_ms: demand.marginMs,
    })),
  }))
  const { rows } = await sql<Omit<DecidedPlaces, 'places'> & { readonly places: readonly string[] }>`
    select places, (${names.keys}::text[])[full_window] as "fullKey", use_before as "useBefore",
           decided_at as "decidedAt"
      from acquire_places(${names.owners}::uuid[], ${names.keys}::text[], ${JSON.stringify(asked)}::jsonb,
                          ${actingFor}::uuid, ${asOf}::bigint)`.execute(db)
  // The driver leaves arrays of bigint as text.
  return rows.map((row) => ({ ...row, places: row.places.map(Number) }))
}

async function takeTokens(
  db: Executor,
  requests: readonly AskedTokens[],
  { actingFor, asOf }: Asking,
): Promise<readonly DecidedTokens[]> {
  const names = numbered(requests)
  const asked = requests.map((request) => ({
    number: names.numberOf(request),
    capacity: request.capacity,
    refill: request.refillPerSecond,
    cost: request.cost,
  }))
  const { rows } = await sql<DecidedTokens>`
    select taken, tokens_left as "left", after_ms as "afterMs"
      from take_tokens(${names.owners}::uuid[], ${names.keys}::text[], ${JSON.stringify(asked)}::jsonb,
                       ${actingFor}::uuid, ${asOf}::bigint)`.execute(db)
  return rows
}

/** Gives places back, at instants where they were given; those that are forgotten already are none. */
export async function giveBackPlaces(
  db: Executor,
  places: readonly (LimitName & { readonly at: number })[],
  actingFor: string | null = null,
): Promise<void> {
  const given = places.map(({ organizationId, key, at }) => ({ owner: organizationId, key, at }))
  await sql`select give_back_places(${JSON.stringify(given)}::jsonb, ${actingFor}::uuid)`.execute(db)
}

export interface WindowRecord {
  readonly key: string
  readonly most: number
  readonly windowMs: number
  readonly marginMs: number
  /** Ascending. */
  readonly log: readonly { readonly at: number; readonly count: number }[]
  readonly waiting: readonly { readonly holder: string; readonly at: number }[]
  /** The database's clock. */
  readonly now: number
}

/** An organization's own windows, by key. */
export async function listRateWindows(
  db: Executor,
  organizationId: string,
): Promise<readonly WindowRecord[]> {
  const { rows } = await sql<Omit<WindowRecord, 'log'> & { readonly places: readonly string[] }>`
    select w.key, w.most, w.window_ms as "windowMs", w.margin_ms as "marginMs", w.places,
           floor(extract(epoch from clock_timestamp()) * 1000)::bigint as now,
           coalesce((select jsonb_agg(jsonb_build_object('holder', l.holder, 'at', l.at)
                                      order by l.at, l.holder collate "C")
                       from rate_waiting l where l.window_id = w.id), '[]') as waiting
      from rate_window w where w.organization_id = ${organizationId} order by w.key collate "C"`.execute(db)
  return rows.map(({ places, ...row }) => ({ ...row, log: pairsOf(places.map(Number)) }))
}

/** Each name once, with its number from 1. */
function numbered(names: readonly LimitName[]) {
  const wordOf = ({ organizationId, key }: LimitName) => `${organizationId ?? ''} ${key}`
  const distinct = [...new Map(names.map((name) => [wordOf(name), name])).values()]
  const numbers = new Map(distinct.map((name, index) => [wordOf(name), index + 1]))
  return {
    owners: distinct.map(({ organizationId }) => organizationId),
    keys: distinct.map(({ key }) => key),
    numberOf: (name: LimitName) => numbers.get(wordOf(name)),
  }
}

/** Performs each group by itself; the answers come back in the order of the requests. */
async function byGroup<Request, Answer>(
  requests: readonly Request[],
  groupOf: (request: Request) => string | null,
  perform: (group: readonly Request[], name: string | null) => Promise<readonly Answer[]>,
): Promise<readonly Answer[]> {
  const answers = new Map<Request, Answer>()
  for (const [name, group] of Map.groupBy(requests, groupOf)) {
    const answered = await perform(group, name)
    group.forEach((request, index) => {
      // One for one.
      answers.set(request, answered[index] as Answer)
    })
  }
  return requests.map((request) => answers.get(request) as Answer)
}

function pairsOf(flat: readonly number[]): WindowRecord['log'] {
  return flat.flatMap((at, index) => (index % 2 === 0 ? [{ at, count: flat[index + 1] ?? 0 }] : []))
}
