import DataLoader from 'dataloader'
import { type AccountRecord, findAccounts, listUpcomingSlotsOf } from '../../store/account/accounts.ts'
import { readDatabaseTime } from '../../store/database.ts'
import { findJobs, findJobsOfSlots, type JobRecord } from '../../store/job/job-list.ts'
import { findMedia, findMediaByContent } from '../../store/media/media.ts'
import { findPlans } from '../../store/plan/plans.ts'
import { findPreviewsOfSlots } from '../../store/plan/previews.ts'
import { findScans } from '../../store/plan/scans.ts'
import { findSlots } from '../../store/plan/slots.ts'
import { findApiKeys } from '../../store/tenant/api-keys.ts'
import { healthOfAccount, maxUpcomingSlots } from '../schema/account/account-view.ts'
import type { Context, Loaders } from './context.ts'
import type { Find, LookUp } from './shared-lookups.ts'

const findJobSummaries: Find<JobRecord> = (db, organizationId, ids) =>
  findJobs(db, organizationId, ids, 'summary')

/**
 * Loads the rows that one operation requests in the same event loop turn with one statement per type. Default of `lookUp`: through
 * `read`.
 */
export function createLoaders(
  organizationId: string,
  read: Context['read'],
  accountsLackingKey: Context['accountsLackingKey'],
  lookUp: LookUp = (find, ids) => read((tx) => find(tx, organizationId, ids)),
): Loaders {
  const by = <Row>(find: Find<Row>, keyOf: (row: Row) => string | null) =>
    new DataLoader<string, Row | null>(async (ids) => {
      const rows = await lookUp(find, ids)
      const found = new Map(rows.map((row) => [keyOf(row), row]))
      return ids.map((id) => found.get(id) ?? null)
    })
  const idOf = (row: { readonly id: string }) => row.id
  return {
    account: by(findAccounts, idOf),
    accountHealth: new DataLoader(
      async (accounts: readonly AccountRecord[]) => {
        const [now, lackingKey] = await Promise.all([
          read(readDatabaseTime),
          accountsLackingKey(accounts.map(idOf)),
        ])
        return accounts.map((account) =>
          healthOfAccount(account, { now, isKeyMissing: lackingKey.has(account.id) }),
        )
      },
      { cacheKeyFn: idOf },
    ),
    upcomingSlots: new DataLoader(async (ids) => {
      const slots = await read((tx) => listUpcomingSlotsOf(tx, organizationId, ids, maxUpcomingSlots))
      return ids.map((id) => slots.get(id) ?? [])
    }),
    apiKey: by(findApiKeys, idOf),
    plan: by(findPlans, idOf),
    slot: by(findSlots, idOf),
    job: by(findJobs, idOf),
    jobSummary: by(findJobSummaries, idOf),
    jobOfSlot: by(findJobsOfSlots, (job) => job.slotId),
    previewOfSlot: by(findPreviewsOfSlots, (preview) => preview.slotId),
    scan: by(findScans, idOf),
    media: by(findMedia, idOf),
    mediaByContent: by(findMediaByContent, (media) => media.sha256),
  }
}

/** Makes later lookups read the database again. */
export function clearLoaders(load: Loaders): void {
  for (const loader of Object.values(load)) loader.clearAll()
}
