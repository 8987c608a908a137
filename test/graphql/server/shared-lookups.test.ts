import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { createSharedLookups, type Find } from '../../../src/graphql/server/shared-lookups.ts'
import { type AccountRecord, findAccounts } from '../../../src/store/account/accounts.ts'
import { createAccount } from '../../support/account.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'

const database = await createTestDatabase()
const organizations = [await createOrganization(database), await createOrganization(database)] as const
const accountsOf = (organizationId: string) =>
  Promise.all(Array.from({ length: 12 }, () => createAccount(database, organizationId)))
const accounts = [await accountsOf(organizations[0]), await accountsOf(organizations[1])] as const

/** Looks accounts up and records each statement. */
function recorded() {
  const statements: { readonly organizationId: string; readonly ids: readonly string[] }[] = []
  const find: Find<AccountRecord> = (db, organizationId, ids) => {
    statements.push({ organizationId, ids })
    return findAccounts(db, organizationId, ids)
  }
  return { find, statements, lookUpFor: createSharedLookups(database.api.db) }
}

it('lookups of the same moment share statements, those of two organizations never', async () => {
  const { find, statements, lookUpFor } = recorded()
  const found = await Promise.all(
    organizations.flatMap((organizationId, index) =>
      // Each also asks for an account of the other organization.
      accounts[index === 0 ? 0 : 1].map(async (id) => {
        const rows = await lookUpFor(organizationId)(find, [id, accounts[index === 0 ? 1 : 0][0] ?? ''])
        return { id, rows: rows.map((row) => row.id), own: accounts[index === 0 ? 0 : 1] }
      }),
    ),
  )
  for (const { id, rows, own } of found) {
    expect(rows).toContain(id)
    expect(own).toEqual(expect.arrayContaining(rows))
  }
  expect(statements).toHaveLength(2)
  expect(statements.map(({ organizationId }) => organizationId).toSorted()).toEqual(
    [...organizations].toSorted(),
  )
})

it('a lookup sees what was committed before it, also while two others of its type run', async () => {
  const { find, lookUpFor } = recorded()
  const lookUp = lookUpFor(organizations[0])
  const gate = Promise.withResolvers<void>()
  let running = 0
  const slow: Find<AccountRecord> = async (db, organizationId, ids) => {
    const rows = await find(db, organizationId, ids)
    running += 1
    await gate.promise
    return rows
  }
  const early = [lookUp(slow, [randomUUID()])]
  await waitUntil(
    () => running,
    (count) => count === 1,
  )
  early.push(lookUp(slow, [randomUUID()]))
  await waitUntil(
    () => running,
    (count) => count === 2,
  )
  const id = await createAccount(database, organizations[0])
  const later = lookUp(slow, [id])
  gate.resolve()
  await Promise.all(early)
  expect((await later).map((row) => row.id)).toEqual([id])
})

it('a lookup that fails does not fail the others of its statement', async () => {
  const { find, lookUpFor } = recorded()
  const lookUp = lookUpFor(organizations[0])
  const [first = '', second = ''] = accounts[0]
  const results = await Promise.allSettled([
    lookUp(find, [first]),
    lookUp(find, ['no id']),
    lookUp(find, [second]),
  ])
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})
