import { afterAll, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { startRedis } from '../support/redis-process.ts'
import { createStage, startWorkerProcess } from '../support/stage.ts'
import { expectEverySlotPostedOnce, jobsOf } from '../support/verdict.ts'
import { until } from '../support/wait.ts'
import { expectWindowsKept } from '../support/window-verdict.ts'

const redis = await startRedis()
afterAll(() => redis?.close())

const workers = 4
const limits = { uploads: 10, reads: 100 }
/** A full minute with Redis, at most another one without it, and some are left for when it is back. */
const slots = 2 * limits.uploads + 2

it('keeps all windows with Redis, while Redis is killed, and when it is back', async ({ skip }) => {
  if (!redis) return skip('needs redis-server')
  const database = await createTestDatabase()
  const stage = await createStage(database, slots, { slotsPerAccount: 6, sameVideo: true, limits })
  const crew = Array.from({ length: workers }, () =>
    startWorkerProcess({ ...stage.settings, redisUrl: redis.url }),
  )
  const opened = () => stage.tiktok.posts().length
  const untilOpened = (posts: number) => until(opened, (all) => all >= posts, 200_000)

  await untilOpened(limits.uploads)
  // What Redis knew is gone; the processes go on with their shares.
  await redis.kill()
  await untilOpened(limits.uploads + 1)
  await redis.start()
  await until(
    () => jobsOf(database, stage),
    (jobs) => jobs.length === slots && jobs.every((job) => job.state === 'published'),
    400_000,
    500,
  )
  for (const { child } of crew) child.kill('SIGTERM')
  await Promise.all(crew.map((worker) => worker.exited))

  await expectEverySlotPostedOnce(database, stage)
  expectWindowsKept(stage.tiktok, limits)
  for (const { context } of await jobsOf(database, stage)) expect(context).toMatchObject({ inits: 1 })
  await stage.close()
}, 810_000)
