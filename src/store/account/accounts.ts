import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import { type SlotSettings, slotSettingsColumns } from '../plan/slot-settings.ts'
import type { CreatorSettings } from './tables.ts'

/** An account without its tokens, which the API's role may not read. */
export interface AccountRecord {
  readonly id: string
  /** This and the next two are null until the creator has authorized the app. */
  readonly openId: string | null
  readonly username: string | null
  readonly displayName: string | null
  /** The state of the account machine. */
  readonly state: string
  readonly context: Checkpoint['context']
  /** Seconds until the machine's next timer, such as the retry of a refresh; null if it has none. */
  readonly wakesInSeconds: number | null
  readonly scopes: readonly string[]
  readonly accessExpiresAt: Date | null
  readonly refreshExpiresAt: Date | null
  readonly creator: CreatorSettings | null
  readonly creatorFetchedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

const columns = sql.raw(
  `account.id, open_id as "openId", username, display_name as "displayName", machine.state, machine.context, scopes,
   extract(epoch from machine.wake_at - clock_timestamp())::float8 as "wakesInSeconds",
   access_expires_at as "accessExpiresAt", refresh_expires_at as "refreshExpiresAt", creator,
   creator_fetched_at as "creatorFetchedAt", account.created_at as "createdAt",
   greatest(account.updated_at, machine.updated_at) as "updatedAt"`,
)

export async function findAccounts(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly AccountRecord[]> {
  const { rows } = await sql<AccountRecord>`
    select ${columns} from account join machine_instance machine on machine.id = account.id
     where account.organization_id = ${organizationId} and account.id = any(${ids}::uuid[])`.execute(db)
  return rows
}

export async function listAccounts(
  db: Executor,
  organizationId: string,
  page: Page,
): Promise<readonly Positioned<AccountRecord>[]> {
  const { position, within, order } = keyset('account', 'created_at', 'asc', page)
  const { rows } = await sql<Positioned<AccountRecord>>`
    select ${columns}, ${position} as position from account join machine_instance machine on machine.id = account.id
     where account.organization_id = ${organizationId} and ${within} order by ${order} limit ${page.limit}`.execute(
    db,
  )
  return rows
}

/** Inserts an account before its creator has authorized the app: only the requested scopes are known. */
export async function insertAccount(
  db: Executor,
  account: { readonly id: string; readonly organizationId: string; readonly scopes: readonly string[] },
): Promise<void> {
  await sql`insert into account (id, organization_id, scopes)
            values (${account.id}, ${account.organizationId}, ${account.scopes})`.execute(db)
}

/** The organization's account of a creator; null if there is none. */
export async function findAccountOfCreator(
  db: Executor,
  organizationId: string,
  openId: string,
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from account where organization_id = ${organizationId} and open_id = ${openId}`.execute(db)
  return rows[0]?.id ?? null
}

/** The accounts of a creator in all organizations: one app serves them all. */
export async function findAccountsOfCreator(
  db: Executor,
  openId: string,
): Promise<readonly { readonly accountId: string; readonly organizationId: string }[]> {
  const { rows } = await sql<{ accountId: string; organizationId: string }>`
    select id as "accountId", organization_id as "organizationId" from account
     where open_id = ${openId} order by organization_id, id`.execute(db)
  return rows
}

/** The creator of an account. Null until it was first connected. */
export async function readCreator(
  db: Executor,
  accountId: string,
): Promise<{ readonly openId: string; readonly username: string } | null> {
  const row = await db
    .selectFrom('account')
    .select(['open_id', 'username'])
    .where('id', '=', accountId)
    .executeTakeFirst()
  return row?.open_id ? { openId: row.open_id, username: row.username ?? '' } : null
}

/** Records the creator of an account, and the granted scopes. */
export async function writeCreator(
  db: Executor,
  accountId: string,
  creator: {
    readonly openId: string
    readonly username: string
    readonly displayName: string
    readonly scopes: readonly string[]
  },
): Promise<void> {
  await sql`
    update account set open_id = ${creator.openId}, username = ${creator.username},
           display_name = ${creator.displayName}, scopes = ${creator.scopes}, updated_at = now()
     where id = ${accountId}`.execute(db)
}

/** Records what the creator allows now. */
export async function writeCreatorSettings(
  db: Executor,
  accountId: string,
  settings: CreatorSettings,
): Promise<void> {
  await sql`update account set creator = ${JSON.stringify(settings)}::jsonb, creator_fetched_at = now()
             where id = ${accountId}`.execute(db)
}

export async function readCreatorSettings(db: Executor, accountId: string): Promise<CreatorSettings | null> {
  const { rows } = await sql<{ creator: CreatorSettings | null }>`
    select creator from account where id = ${accountId}`.execute(db)
  return rows[0]?.creator ?? null
}

/** A slot of an account that is not posted yet, in a plan that is not archived. */
export interface UpcomingSlot extends SlotSettings {
  readonly slotId: string
  readonly publishAt: Date
}

/** Lists the upcoming slots of an account, the earliest first: those without a job, and those whose job has not sent the post. */
export async function listUpcomingSlots(
  db: Executor,
  organizationId: string,
  accountId: string,
  limit: number,
): Promise<readonly UpcomingSlot[]> {
  return (await listUpcomingSlotsOf(db, organizationId, [accountId], limit)).get(accountId) ?? []
}

/** The same of several accounts, at most `limit` of each, with one statement. */
export async function listUpcomingSlotsOf(
  db: Executor,
  organizationId: string,
  accountIds: readonly string[],
  limit: number,
): Promise<ReadonlyMap<string, readonly UpcomingSlot[]>> {
  const { rows } = await sql<UpcomingSlot & { readonly accountId: string }>`
    select account.id as "accountId", upcoming.* from unnest(${accountIds}::uuid[]) account(id) cross join lateral (
      select slot.id as "slotId", slot.publish_at as "publishAt", ${slotSettingsColumns}
        from slot join plan on plan.id = slot.plan_id left join machine_instance job on job.slot_id = slot.id and job.state <> 'cancelled'
       where plan.organization_id = ${organizationId} and plan.account_id = account.id and plan.state <> 'archived'
         and (job.id is null and slot.claimed_at is null and slot.publish_at > now()
              or job.id is not null and job.tag not in ('settled', 'final')
                 and (job.context->>'sentAt') is null)
       order by slot.publish_at, slot.id limit ${limit}) upcoming
     order by account.id, upcoming."publishAt", upcoming."slotId"`.execute(db)
  return Map.groupBy(rows, ({ accountId }) => accountId)
}
