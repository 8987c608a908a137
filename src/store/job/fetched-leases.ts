import { CompiledQuery } from 'kysely'
import type { Executor } from '../database.ts'
import { type AcquiredLease, leasesIn, leasesOf, type TriedRow } from './leases.ts'

/**
 * Fetches wake-ups by a statement of the queue and acquires the leases of their instances, as `acquireLeases` does, in one round trip.
 * Returns the rows of the queue's statement, and the leases in their order.
 */
export async function fetchLeased<Row extends { readonly data: { readonly jobId: string } }>(
  db: Executor,
  fetch: { readonly text: string; readonly values: readonly unknown[] },
  owner: string,
  leaseSeconds: number,
): Promise<{ readonly rows: readonly Row[]; readonly leases: readonly (AcquiredLease | null)[] }> {
  const [ownerPlace, secondsPlace] = [fetch.values.length + 1, fetch.values.length + 2]
  const { rows } = await db.executeQuery<{ fetched: Row; tried: TriedRow | null }>(
    CompiledQuery.raw(
      `with fetched as (${fetch.text}), requested as (select (data->>'jobId')::uuid as id from fetched),
            ${leasesOf(`$${ownerPlace}`, `$${secondsPlace}`)}
       select to_jsonb(fetched) as fetched, to_jsonb(tried) as tried
         from fetched left join tried on tried.id = (data->>'jobId')::uuid`,
      [...fetch.values, owner, leaseSeconds],
    ),
  )
  const fetched = rows.map((row) => row.fetched)
  const tried = rows.flatMap((row) => row.tried ?? [])
  return {
    rows: fetched,
    leases: leasesIn(
      fetched.map(({ data }) => data.jobId),
      tried,
    ),
  }
}
