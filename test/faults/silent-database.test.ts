import { expect, it, onTestFinished } from 'vitest'
import { connect } from '../../src/store/database.ts'
import { createChangeNotifier, listenForChanges } from '../../src/store/event/notify.ts'
import { createTestDatabase } from '../support/database.ts'
import { jobsOf, waitUntilAllEnded } from '../support/expect-posts.ts'
import { startPostgresProxy } from '../support/postgres-proxy.ts'
import { waitUntil } from '../support/wait.ts'
import { createWorkerFixture, startWorkerProcess } from '../support/worker-fixture.ts'

const database = await createTestDatabase()

it('a statement on a silent connection fails after its timeout, and the next one gets a new connection', async () => {
  const proxy = await startPostgresProxy(database.url)
  onTestFinished(() => proxy.close())
  const connection = connect(proxy.url, 'reelpilot_runtime', {
    max: 2,
    name: 'test',
    onError: () => undefined,
  })
  onTestFinished(() => connection.close())
  // Two connections that are idle in the pool.
  await Promise.all([1, 2].map(() => connection.pool.query('select pg_sleep(0.05)')))
  proxy.goSilent()
  const queries = await Promise.allSettled([1, 2].map(() => connection.pool.query('select 1 as one')))
  expect(queries.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(queries).toMatchObject([{ reason: { code: 'ETIMEDOUT' } }, { reason: { code: 'ETIMEDOUT' } }])
  expect((await connection.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

it('a listener reconnects when its connection is silent, and reports that notifications may be missing', async () => {
  const proxy = await startPostgresProxy(database.url)
  onTestFinished(() => proxy.close())
  let gaps = 0
  const organizationsChanged: string[] = []
  const errors: unknown[] = []
  const listener = await listenForChanges(proxy.url, {
    onChange: ({ organizations }) => organizationsChanged.push(...organizations),
    onGap: () => {
      gaps += 1
    },
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => listener.close())
  expect(gaps).toBe(1)
  proxy.goSilent()
  await waitUntil(
    () => gaps,
    (seen) => seen === 2,
  )
  expect(errors).toHaveLength(1)
  const sender = createChangeNotifier(database.runtime)
  sender.send({ organizations: ['again'], jobs: [] })
  await sender.close()
  await waitUntil(
    () => organizationsChanged,
    (seen) => seen.includes('again'),
  )
})

it('a worker goes on with its jobs after all of its connections have become silent', async () => {
  const proxy = await startPostgresProxy(database.url)
  onTestFinished(() => proxy.close())
  const fixture = await createWorkerFixture(database, 3, { sameVideo: true })
  const worker = startWorkerProcess({ ...fixture.settings, databaseUrl: proxy.url })
  await waitUntil(
    async () => (await jobsOf(database, fixture)).length,
    (count) => count === 3,
    60_000,
  )
  proxy.goSilent()
  await waitUntilAllEnded(database, fixture, 240_000)
  expect(proxy.openedSince()).toBeGreaterThan(0)
  worker.child.kill('SIGTERM')
  expect((await worker.exited).code).toBe(0)
  await fixture.close()
}, 420_000)
