import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import { databaseNow, type Executor } from '../database.ts'
import { sequencesFor } from '../event/append.ts'
import { recordChange } from '../event/changes.ts'

/** Identifies a breaker: an upstream's, or an account's. */
export interface BreakerKey {
  readonly key: string
  readonly accountId: string | null
}

/** The stored parts of a breaker's checkpoint: its machine is known, and it has no steps. */
export type StoredBreaker = Pick<Checkpoint, 'version' | 'state' | 'tag' | 'context' | 'timers'>

export interface BreakerRecord extends BreakerKey {
  /** The organization of the account; null for an upstream, which all organizations share. */
  readonly organizationId: string | null
  /** Null if it has no row: it is closed and has never failed. */
  readonly stored: StoredBreaker | null
  /** The remaining retries; null before the first retry. */
  readonly retryBudget: { readonly units: number; readonly at: number } | null
  /** 0 if it has no row. */
  readonly revision: number
}

interface Row {
  readonly key: string
  readonly account_id: string | null
  readonly organization_id: string | null
  readonly version: number | null
  readonly state: string
  readonly tag: Checkpoint['tag']
  readonly context: Checkpoint['context']
  readonly timers: Checkpoint['timers']
  readonly retry_budget: BreakerRecord['retryBudget']
  readonly revision: number | null
}

function recordOf({ version, state, tag, context, timers, ...row }: Row): BreakerRecord {
  return {
    key: row.key,
    accountId: row.account_id,
    organizationId: row.organization_id,
    stored: version === null ? null : { version, state, tag, context, timers },
    retryBudget: row.retry_budget,
    revision: row.revision ?? 0,
  }
}

const columns = sql.raw('version, state, tag, context, timers, retry_budget, revision')

/** Reads breakers and the database's time in one statement. Breakers of accounts that do not exist are omitted. */
export async function readBreakers(
  db: Executor,
  keys: readonly BreakerKey[],
): Promise<{ readonly breakers: readonly BreakerRecord[]; readonly now: number }> {
  const accountIds = keys.map(({ accountId }) => accountId)
  const { rows } = await sql<Row & { now: number }>`
    select requested.key, requested.account_id, account.organization_id, ${columns}, ${databaseNow} as now
      from unnest(${keys.map(({ key }) => key)}::text[], ${accountIds}::uuid[]) as requested (key, account_id)
      left join circuit_breaker breaker on breaker.key = requested.key
      left join account on account.id = requested.account_id
     where requested.account_id is null or account.id is not null`.execute(db)
  return { breakers: rows.map(recordOf), now: Math.floor(rows[0]?.now ?? Number.NaN) }
}

/** The breakers that an organization may see: the upstreams', and those of its accounts. Null: all breakers. */
export async function listBreakers(
  db: Executor,
  organizationId: string | null,
  limit: number,
): Promise<{ readonly breakers: readonly BreakerRecord[]; readonly now: number }> {
  const { rows } = await sql<Row & { now: number }>`
    select key, account_id, organization_id, ${columns}, ${databaseNow} as now
      from circuit_breaker
     where ${organizationId}::uuid is null or organization_id is null or organization_id = ${organizationId}
     order by account_id is not null, state = 'closed', key limit ${limit}`.execute(db)
  return { breakers: rows.map(recordOf), now: Math.floor(rows[0]?.now ?? Number.NaN) }
}

export interface BreakerCommit extends Pick<BreakerRecord, 'key' | 'accountId' | 'organizationId'> {
  readonly expectedRevision: number
  readonly next: StoredBreaker
  readonly retryBudget: BreakerRecord['retryBudget']
}

/** Commits a change: compare-and-set on the revision. False if another writer was first; nothing is changed then. */
export async function commitBreaker(db: Executor, commit: BreakerCommit): Promise<boolean> {
  const { key, accountId, organizationId, expectedRevision, next } = commit
  const budget = commit.retryBudget && JSON.stringify(commit.retryBudget)
  const { numAffectedRows } =
    expectedRevision === 0
      ? await sql`
          insert into circuit_breaker (key, organization_id, account_id, version, state, tag, context, timers,
                                       retry_budget, revision)
          values (${key}, ${organizationId}, ${accountId}, ${next.version}, ${next.state}, ${next.tag},
                  ${JSON.stringify(next.context)}, ${JSON.stringify(next.timers)}, ${budget}, 1)
          on conflict do nothing`.execute(db)
      : await sql`
          update circuit_breaker
             set version = ${next.version}, state = ${next.state}, tag = ${next.tag},
                 context = ${JSON.stringify(next.context)}, timers = ${JSON.stringify(next.timers)},
                 retry_budget = ${budget}, revision = revision + 1, updated_at = clock_timestamp()
           where key = ${key} and revision = ${expectedRevision}`.execute(db)
  return numAffectedRows === 1n
}

/** A change of a breaker's state. */
export interface BreakerChange extends Pick<BreakerRecord, 'accountId' | 'organizationId'> {
  readonly payload: object
}

/** At most so many organizations get an event about one change. The others still read the current state. */
const maxNotifiedOrganizations = 1_000

/**
 * Appends `breaker.transitioned` to the event sequences of the organizations concerned, and returns their ids: the account's organization, or
 * for an upstream every organization with a connected account or an unfinished job, and `also`. Locks those sequences until the commit,
 * so call it last. 1,000 organizations take 30 ms.
 */
export async function appendBreakerChanges(
  db: Executor,
  changes: readonly BreakerChange[],
  also: string | null,
): Promise<readonly string[]> {
  const input = changes.map(({ accountId, organizationId, payload }, index) => ({
    index,
    organization_id: organizationId,
    account_id: accountId,
    payload,
  }))
  // A connected account and an unfinished job have a wake-up time.
  const { rows } = await sql<{ organizationId: string }>`
    with change as materialized (
      select * from json_to_recordset(${JSON.stringify(input)}::json)
        as x (index int, organization_id uuid, account_id uuid, payload jsonb)
    ), concerned as materialized (
      select id from organization
       where id = ${also} or id in (select organization_id from machine_instance where wake_at is not null)
       order by id limit ${maxNotifiedOrganizations}
    ), notified as materialized (
      select index, organization_id, account_id, payload from change where organization_id is not null
      union all
      select index, concerned.id, account_id, payload from change cross join concerned where organization_id is null
    ), ${sequencesFor('notified')}
    insert into event (organization_id, sequence, type, account_id, payload)
    select notified.organization_id,
           heads.base + row_number() over (partition by notified.organization_id order by notified.index),
           'breaker.transitioned', notified.account_id, notified.payload
      from notified join heads using (organization_id)
    returning organization_id as "organizationId"`.execute(db)
  const organizationIds = [...new Set(rows.map(({ organizationId }) => organizationId))]
  for (const id of organizationIds) recordChange(db, id)
  return organizationIds
}

/** Whether the installation has only one organization. */
export async function isOnlyOrganization(db: Executor): Promise<boolean> {
  const { rows } = await sql<{ only: boolean }>`select is_only_organization() as only`.execute(db)
  return rows[0]?.only ?? false
}
