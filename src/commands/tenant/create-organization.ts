import { randomUUID } from 'node:crypto'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertApiKey } from '../../store/tenant/api-keys.ts'
import { insertOrganization } from '../../store/tenant/organizations.ts'
import { generateApiKey } from './create-api-key.ts'

/**
 * Creates an organization with its event sequence and its first key, which has all scopes. Runs as the runtime role, so that no
 * organization can create another. The key is in the result only.
 */
export async function createOrganization(
  tx: Tx,
  name: string,
): Promise<{ readonly organizationId: string; readonly key: string }> {
  const organizationId = randomUUID()
  await insertOrganization(tx, { id: organizationId, name })
  const { id, key, hash } = generateApiKey()
  await insertApiKey(tx, { id, organizationId, name: 'First key', hash, scopes: ['read', 'write', 'admin'] })
  await appendEvent(tx, { organizationId, type: 'organization.created', payload: { name } })
  return { organizationId, key }
}
