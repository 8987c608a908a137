import { afterAll, expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { expectEverySlotPostedOnce, jobsOf } from '../../support/expect-posts.ts'
import { expectWindowsKept } from '../../support/expect-windows.ts'
import { startRedis } from '../../support/redis-process.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, startWorkerProcess } from '../../support/worker-fixture.ts'

const redis = await startRedis()
afterAll(() => redis?.close())

const workers = 4
const limits = { uploads: 10, reads: 100 }
/** Enough for one full minute with Redis, at most another one without it, and some after its return. */
const slots = 2 * limits.uploads + 2

it('workers exceed no rate limit with Redis, while Redis is down, and after its return', async ({ skip }) => {
  if (!redis) return skip('needs redis-server')
  const database = await createTestDatabase()
  const fixture = await createWorkerFixture(database, slots, { slotsPerAccount: 6, sameVideo: true, limits })
  const crew = Array.from({ length: workers }, () =>
    startWorkerProcess({ ...fixture.settings, redisUrl: redis.url }),
  )
  const opened = () => fixture.tiktok.posts().length
  const untilOpened = (posts: number) => waitUntil(opened, (all) => all >= posts, 200_000)

  await untilOpened(limits.uploads)
  // The windows in Redis are lost; the processes continue with their shares.
  await redis.kill()
  await untilOpened(limits.uploads + 1)
  await redis.start()
  await waitUntil(
    () => jobsOf(database, fixture),
    (jobs) => jobs.length === slots && jobs.every((job) => job.state === 'published'),
    400_000,
    500,
  )
  for (const { child } of crew) child.kill('SIGTERM')
  await Promise.all(crew.map((worker) => worker.exited))

  await expectEverySlotPostedOnce(database, fixture)
  expectWindowsKept(fixture.tiktok, limits)
  for (const { context } of await jobsOf(database, fixture))
    expect(context).toMatchObject({ initAttempts: 1 })
  await fixture.close()
}, 810_000)
