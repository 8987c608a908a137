import type { Executor } from '../database.ts'

export interface OrganizationRecord {
  readonly id: string
  readonly name: string
  readonly createdAt: Date
  readonly updatedAt: Date
}

export async function findOrganization(db: Executor, id: string): Promise<OrganizationRecord | undefined> {
  return await db
    .selectFrom('organization')
    .select(['id', 'name', 'created_at as createdAt', 'updated_at as updatedAt'])
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Every organization, the oldest first. */
export async function listOrganizations(db: Executor): Promise<readonly OrganizationRecord[]> {
  return await db
    .selectFrom('organization')
    .select(['id', 'name', 'created_at as createdAt', 'updated_at as updatedAt'])
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Inserts an organization with its empty event sequence. */
export async function insertOrganization(
  db: Executor,
  { id, name }: Pick<OrganizationRecord, 'id' | 'name'>,
): Promise<void> {
  await db.insertInto('organization').values({ id, name }).execute()
  await db.insertInto('event_head').values({ organization_id: id }).execute()
}
