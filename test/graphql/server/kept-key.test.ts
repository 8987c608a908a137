import { crc32 } from 'node:zlib'
import { beforeAll, expect, it, onTestFinished } from 'vitest'
import { generateApiKey } from '../../../src/commands/tenant/create-api-key.ts'
import { createAuthenticator } from '../../../src/graphql/server/authenticate.ts'
import { createKeyWatch } from '../../../src/graphql/server/key-watch.ts'
import { createOrganization, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'
import { createKey, createTenant, createTestApi, globalId, mutate } from '../support.ts'

let database: TestDatabase
let organizationId: string

beforeAll(async () => {
  database = await createTestDatabase()
  organizationId = await createOrganization(database)
})

function authenticatorAt(now: () => number) {
  const { db } = database.api
  const keys = createKeyWatch({ db, onError: () => undefined, now })
  const authenticator = createAuthenticator(db, keys, () => undefined)
  onTestFinished(() => {
    authenticator.close()
    keys.close()
  })
  return authenticator
}

/** Makes every lookup and every check of keys fail, as while the database is unreachable. */
async function breakLookups() {
  const rename = (from: string, to: string) =>
    database.owner.pool.query(`alter function reelpilot.${from}(text) rename to ${to}`)
  await rename('find_api_key', 'gone')
  onTestFinished(async () => void (await rename('gone', 'find_api_key')))
}

const revoke = (keyId: string) =>
  database.owner.pool.query('update reelpilot.api_key set revoked_at = now() where id = $1', [keyId])

it('a key that was confirmed within 750 ms is not looked up again, and later only the table is trusted', async () => {
  let now = 0
  const { authenticate } = authenticatorAt(() => now)
  const { key, keyId } = await createKey(database, organizationId, ['read'])
  await authenticate(`Bearer ${key}`)
  await breakLookups()
  now = 750
  expect(await authenticate(`Bearer ${key}`)).toMatchObject({ keyId, organizationId })
  now = 751
  await expect(authenticate(`Bearer ${key}`)).rejects.toThrow(/find_api_key/)
})

it('a kept key does not authenticate another secret with its id', async () => {
  const { authenticate } = authenticatorAt(() => 0)
  const { key, keyId } = await createKey(database, organizationId, ['read'])
  await authenticate(`Bearer ${key}`)
  expect(await authenticate(`Bearer ${keyOf(keyId, 'x'.repeat(43))}`)).toBeNull()
  await breakLookups()
  await expect(authenticate(`Bearer ${keyOf(keyId, 'y'.repeat(43))}`)).rejects.toThrow(/find_api_key/)
})

/** A well-formed key: the checksum is a CRC-32 in six digits of base 62. */
function keyOf(id: string, secret: string): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const body = `rp_live_${id}_${secret}`
  const checksum = Array.from({ length: 6 }, (_, index) => digits[Math.floor(crc32(body) / 62 ** index) % 62])
  return body + checksum.reverse().join('')
}

it('a key that is revoked while it is kept is refused, also if no notification tells so', async () => {
  const { authenticate } = authenticatorAt(() => performance.now())
  const { key, keyId } = await createKey(database, organizationId, ['read'])
  await authenticate(`Bearer ${key}`)
  await revoke(keyId)
  expect(
    await waitUntil(
      () => authenticate(`Bearer ${key}`),
      (viewer) => viewer === null,
    ),
  ).toBeNull()
  expect(await authenticate(`Bearer ${key}`)).toBeNull()
})

it('a key that this server revokes is refused at once, and by another server soon', async () => {
  const [api, second] = [await createTestApi(database), await createTestApi(database)]
  const tenant = await createTenant(database, api)
  const { key, keyId } = await createKey(database, tenant.organizationId, ['read'])
  const statusAt = async (server: typeof api) => {
    const { status } = await server.fetch(
      new Request('http://api.test/graphql', {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: '{"query":"{ __typename }"}',
      }),
    )
    return status
  }
  expect([await statusAt(api), await statusAt(second)]).toEqual([200, 200])
  await mutate(tenant, 'revokeApiKey', { apiKeyId: globalId('ApiKey', keyId) }, 'apiKey { id }')
  expect(await statusAt(api)).toBe(401)
  await waitUntil(
    () => statusAt(second),
    (status) => status === 401,
  )
})

it('a thousand other keys push a key out, which is then looked up again', async () => {
  const { authenticate } = authenticatorAt(() => 0)
  const keys = Array.from({ length: 1_001 }, generateApiKey)
  await database.owner.pool.query(
    `insert into reelpilot.api_key (id, organization_id, name, hash, scopes)
     select key.id, $1, 'Test', key.hash, '{read}' from unnest($2::text[], $3::bytea[]) key(id, hash)`,
    [organizationId, keys.map(({ id }) => id), keys.map(({ hash }) => hash)],
  )
  for (const { key } of keys) await authenticate(`Bearer ${key}`)
  await breakLookups()
  await expect(authenticate(`Bearer ${keys[0]?.key}`)).rejects.toThrow(/find_api_key/)
  expect(await authenticate(`Bearer ${keys[1]?.key}`)).toMatchObject({ keyId: keys[1]?.id })
})
