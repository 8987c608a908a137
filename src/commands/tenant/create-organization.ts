import { randomUUID } from 'node:crypto'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertApiKey } from '../../store/tenant/api-keys.ts'
import { generateApiKey } from './create-api-key.ts'

/**
 * Creates a tenant with its event sequence and its first key, which has all scopes and makes every other. Runs as the
 * runtime role: no organization can create another. The answer is the only place that ever holds the key.
 */
export async function createOrganization(
  tx: Tx,
  name: string,
): Promise<{ readonly organizationId: string; readonly key: string }> {
  const organizationId = randomUUID()
  await tx.insertInto('organization').values({ id: organizationId, name }).execute()
  await tx.insertInto('event_head').values({ organization_id: organizationId }).execute()
  const { id, key, hash } = generateApiKey()
  await insertApiKey(tx, { id, organizationId, name: 'First key', hash, scopes: ['read', 'write', 'admin'] })
  await appendEvent(tx, { organizationId, type: 'organization.created', payload: { name } })
  return { organizationId, key }
}
