import { expect, it } from 'vitest'
import { pruneLimits } from '../../src/store/rate-limit/prune-limits.ts'
import { createLimitStore, listRateWindows } from '../../src/store/rate-limit/windows.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)
const { db } = database.runtime
const day = 86_400_000
const now = Date.now()
/** A store whose requests were made some days ago. */
const storeOf = (daysAgo: number) => createLimitStore(db, 'reelpilot_runtime', () => now - daysAgo * day)

const reserve = (key: string, daysAgo: number, { windowMs = 60_000, requester = 'job' } = {}) =>
  storeOf(daysAgo).acquire({
    organizationId,
    requester,
    windowRequests: [{ organizationId, key, maxCalls: 1, windowMs, marginMs: 100 }],
  })
const take = (key: string, daysAgo: number) =>
  storeOf(daysAgo).consume({ organizationId, key, capacity: 10, refillPerSecond: 1, cost: 4 })
const windows = async () => (await listRateWindows(db, organizationId)).map(({ key }) => key)
const buckets = async () =>
  (await database.owner.pool.query('select key from reelpilot.rate_bucket order by key')).rows.map(
    ({ key }) => key,
  )

it('limits that nobody has used for a month are deleted, more than one batch of them', async () => {
  for (const key of ['a', 'b', 'c']) {
    await reserve(key, 31)
    await take(key, 31)
  }
  await reserve('used', 29)
  await take('used', 29)
  // Its call is still in it.
  await reserve('wide', 31, { windowMs: 2 * day })
  // Somebody waits for the second reservation.
  await reserve('queued', 31, { windowMs: day / 2 })
  await reserve('queued', 31, { windowMs: day / 2, requester: 'other' })
  await pruneLimits(db, 1)
  expect(await windows()).toEqual(['queued', 'used', 'wide'])
  expect(await buckets()).toEqual(['used'])
})

it('a limit that was deleted admits what it would have admitted', async () => {
  expect(await reserve('again', 31)).toMatchObject({ fullKey: null })
  await take('again', 31)
  await pruneLimits(db, 1_000)
  expect(await reserve('again', 0)).toMatchObject({ fullKey: null })
  expect(await take('again', 0)).toEqual({ isConsumed: true, remaining: 6, afterMs: 0 })
})

it('nothing is deleted while a reservation is being made, which may have created its window', async () => {
  await reserve('held', 40)
  const held = Promise.withResolvers<void>()
  const locked = Promise.withResolvers<void>()
  const holding = db.transaction().execute(async (tx) => {
    await createLimitStore(tx, 'reelpilot_runtime').acquire({
      organizationId,
      requester: 'slow',
      windowRequests: [{ organizationId, key: 'other', maxCalls: 9, windowMs: 60_000, marginMs: 100 }],
    })
    locked.resolve()
    await held.promise
  })
  await locked.promise
  await pruneLimits(db, 1_000)
  expect(await windows()).toContain('held')
  held.resolve()
  await holding
  await pruneLimits(db, 1_000)
  expect(await windows()).not.toContain('held')
})
