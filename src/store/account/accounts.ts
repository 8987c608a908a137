import { sql } from 'kysely'
import type { Checkpoint } from '../../durable/checkpoint.ts'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Placed } from '../paging.ts'
import { type SlotWish, wishColumns } from '../plan/slot-settings.ts'
import type { CreatorSettings } from '../tables.ts'

/** An account without its tokens, which the API's role cannot read. */
export interface AccountRecord {
  readonly id: string
  /** These three are null until a creator has granted access for the first time. */
  readonly openId: string | null
  readonly username: string | null
  readonly displayName: string | null
  /** Of the account machine. */
  readonly state: string
  readonly context: Checkpoint['context']
  /** Until its machine goes on by itself, such as with the next try of a refresh; null while it rests. */
  readonly wakesInSeconds: number | null
  readonly scopes: readonly string[]
  readonly accessExpiresAt: Date | null
  readonly refreshExpiresAt: Date | null
  readonly creator: CreatorSettings | null
  readonly creatorSeenAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

const columns = sql.raw(
  `account.id, open_id as "openId", username, display_name as "displayName", machine.state, machine.context, scopes,
   extract(epoch from machine.wake_at - clock_timestamp())::float8 as "wakesInSeconds",
   access_expires_at as "accessExpiresAt", refresh_expires_at as "refreshExpiresAt", creator,
   creator_seen_at as "creatorSeenAt", account.created_at as "createdAt",
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
): Promise<readonly Placed<AccountRecord>[]> {
  const { position, within, order } = keyset('account', 'created_at', 'asc', page)
  const { rows } = await sql<Placed<AccountRecord>>`
    select ${columns}, ${position} as position from account join machine_instance machine on machine.id = account.id
     where account.organization_id = ${organizationId} and ${within} order by ${order} limit ${page.limit}`.execute(
    db,
  )
  return rows
}

/** An account of which nothing is known yet but what it is to be asked for. */
export async function insertAccount(
  db: Executor,
  account: { readonly id: string; readonly organizationId: string; readonly scopes: readonly string[] },
): Promise<void> {
  await sql`insert into account (id, organization_id, scopes)
            values (${account.id}, ${account.organizationId}, ${account.scopes})`.execute(db)
}

/** The account of this organization that belongs to a creator; null if there is none. */
export async function findAccountOfCreator(
  db: Executor,
  organizationId: string,
  openId: string,
): Promise<string | null> {
  const { rows } = await sql<{ id: string }>`
    select id from account where organization_id = ${organizationId} and open_id = ${openId}`.execute(db)
  return rows[0]?.id ?? null
}

/** Every organization's account of a creator: one app serves them all. */
export async function findAccountsOfCreator(
  db: Executor,
  openId: string,
): Promise<readonly { readonly accountId: string; readonly organizationId: string }[]> {
  const { rows } = await sql<{ accountId: string; organizationId: string }>`
    select id as "accountId", organization_id as "organizationId" from account
     where open_id = ${openId} order by organization_id, id`.execute(db)
  return rows
}

/** Notes whose account it is, and what was granted. */
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

/** Notes what the creator allows at this moment. */
export async function writeCreatorSettings(
  db: Executor,
  accountId: string,
  settings: CreatorSettings,
): Promise<void> {
  await sql`update account set creator = ${JSON.stringify(settings)}::jsonb, creator_seen_at = now()
             where id = ${accountId}`.execute(db)
}

export async function readCreatorSettings(db: Executor, accountId: string): Promise<CreatorSettings | null> {
  const { rows } = await sql<{ creator: CreatorSettings | null }>`
    select creator from account where id = ${accountId}`.execute(db)
  return rows[0]?.creator ?? null
}

/** A slot that will be wanted from an account: not yet posted, of a plan that is or may be approved. */
export interface ComingSlot extends SlotWish {
  readonly slotId: string
  readonly publishAt: Date
}

/** The coming slots of accounts, the earliest first: those without a job, and those whose job has sent nothing yet. */
export async function listComingSlots(
  db: Executor,
  organizationId: string,
  accountId: string,
  limit: number,
): Promise<readonly ComingSlot[]> {
  const { rows } = await sql<ComingSlot>`
    select slot.id as "slotId", slot.publish_at as "publishAt", ${wishColumns}
      from slot join plan on plan.id = slot.plan_id left join machine_instance job on job.slot_id = slot.id and job.state <> 'cancelled'
     where plan.organization_id = ${organizationId} and plan.account_id = ${accountId} and plan.state <> 'archived'
       and (job.id is null and slot.claimed_at is null and slot.publish_at > now()
            or job.id is not null and job.tag not in ('settled', 'final')
               and (job.context->>'sentAt') is null)
     order by slot.publish_at, slot.id limit ${limit}`.execute(db)
  return rows
}
