import { randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import type { Answer } from '../../src/providers/tiktok/http/answer.ts'
import type { GuardedCall } from '../../src/providers/tiktok/http/guard.ts'
import { createPostgresLimiter } from '../../src/rate-limit/postgres/postgres-limiter.ts'
import { InvalidLimitError } from '../../src/rate-limit/validate.ts'
import { type RateLimitName, setRateLimit } from '../../src/store/rate-limit/settings.ts'
import { createLimitSettingsCache } from '../../src/tiktok-policy/limit-settings.ts'
import { listWindows } from '../../src/tiktok-policy/list-windows.ts'
import { createRateLimitGuard } from '../../src/tiktok-policy/rate-limit-guard.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const limiter = createPostgresLimiter({ db, role: 'reelpilot_runtime' })
const settings = createLimitSettingsCache(db)
const guard = createRateLimitGuard({ limiter, settings })
const refused: Answer<unknown> = { kind: 'refused', httpStatus: 400, code: 'invalid_params', message: '' }

async function createAccount(organizationId: string): Promise<string> {
  const id = randomUUID()
  await db.insertInto('account').values({ id, organization_id: organizationId, scopes: [] }).execute()
  return id
}

async function set(organizationId: string, name: RateLimitName, limit: number | null): Promise<void> {
  await setRateLimit(db, organizationId, name, limit)
  settings.invalidate(organizationId)
}

/** Creates an account whose calls are each made by another job. */
async function caller(organization?: string) {
  const organizationId = organization ?? (await createOrganization(database))
  const accountId = await createAccount(organizationId)
  let jobs = 0
  return {
    organizationId,
    accountId,
    call(endpoint: GuardedCall['endpoint'], answer: Answer<unknown> = { kind: 'ok' }) {
      jobs += 1
      const caller = { organizationId, accountId, requester: `job ${jobs}` }
      return guard({ endpoint, caller }, async () => answer)
    },
  }
}

it('counts all three init endpoints together, six per minute and account', async () => {
  const { call } = await caller()
  for (const endpoint of [
    'videoInit',
    'inboxInit',
    'photoInit',
    'videoInit',
    'inboxInit',
    'photoInit',
  ] as const)
    expect(await call(endpoint)).toEqual({ kind: 'ok' })
  const deferred = await call('videoInit')
  expect(deferred).toMatchObject({ kind: 'deferred', reason: 'rateLimit' })
  // A minute and the margin after the first grant.
  expect(deferred.kind === 'deferred' && deferred.afterSeconds).toBeGreaterThan(60)
  expect(deferred.kind === 'deferred' && deferred.afterSeconds).toBeLessThanOrEqual(70)
})

it('limits the uploads of an organization over all its accounts by its setting', async () => {
  const first = await caller()
  const second = await caller(first.organizationId)
  await set(first.organizationId, 'uploads', 3)
  for (const { call } of [first, second, first]) expect((await call('inboxInit')).kind).toBe('ok')
  expect((await second.call('inboxInit')).kind).toBe('deferred')
  await set(first.organizationId, 'uploads', null)
  expect((await second.call('inboxInit')).kind).toBe('ok')
})

it('counts posts per day, and only calls that may have created one', async () => {
  const { organizationId, accountId, call } = await caller()
  await set(organizationId, 'posts', 1)
  expect((await call('videoInit', refused)).kind).toBe('refused')
  expect((await call('videoInit', { kind: 'unknown', cause: 'timeout' })).kind).toBe('unknown')
  const deferred = await call('videoInit')
  expect(deferred.kind === 'deferred' && deferred.afterSeconds).toBeGreaterThan(86_000)
  // A draft does not count as a post.
  expect((await call('inboxInit')).kind).toBe('ok')
  const views = await listWindows(limiter, organizationId, await settings.read(organizationId))
  expect(views.find(({ name }) => name === 'posts')).toMatchObject({ accountId, usage: { used: 1 } })
  // A refused call counts in TikTok's minute.
  expect(views.find(({ name }) => name === 'inits')).toMatchObject({ accountId, usage: { used: 3 } })
})

it('learns the daily cap of a creator and lists it', async () => {
  const { organizationId, accountId, call } = await caller()
  for (let posts = 0; posts < 2; posts += 1) expect((await call('videoInit')).kind).toBe('ok')
  const tooMany = { ...refused, httpStatus: 403, code: 'spam_risk_too_many_posts' } as const
  expect(await call('videoInit', tooMany)).toEqual(tooMany)
  expect((await call('videoInit')).kind).toBe('deferred')
  const learned = (await settings.read(organizationId)).learnedCaps.get(accountId)
  expect(learned).toMatchObject({ maxPosts: 2, learnedAt: expect.any(Date) })
  // Other processes read the cap from the database.
  expect((await createLimitSettingsCache(db).read(organizationId)).learnedCaps.get(accountId)).toEqual(
    learned,
  )
})

it('counts reads per organization and in the window of each endpoint', async () => {
  const { organizationId, accountId, call } = await caller()
  for (const endpoint of ['status', 'creatorInfo', 'userInfo', 'videoList', 'videoQuery'] as const)
    expect((await call(endpoint)).kind).toBe('ok')
  const used = (await limiter.windows(organizationId)).map(({ key, used, window }) => [
    key,
    used,
    window.maxCalls,
  ])
  expect(used).toEqual([
    ['reads', 5, 100],
    [`tiktok creator info ${accountId}`, 1, 20],
    [`tiktok status ${accountId}`, 1, 30],
  ])
})

it('permits endpoints without a limit and rejects a limited call without a caller', async () => {
  const run = async (): Promise<Answer<unknown>> => ({ kind: 'ok' })
  for (const endpoint of ['token', 'revoke', 'upload', 'cancel'] as const)
    expect((await guard({ endpoint }, run)).kind).toBe('ok')
  await expect(guard({ endpoint: 'status' }, run)).rejects.toThrow('a call of status must name its caller')
})

it('rejects an invalid cap and changes nothing', async () => {
  const { organizationId, accountId } = await caller()
  for (const posts of [-1, 1.5])
    await expect(settings.learnCap({ organizationId, accountId }, posts)).rejects.toThrow(InvalidLimitError)
  expect(await settings.read(organizationId)).toEqual({ set: {}, learnedCaps: new Map() })
})
