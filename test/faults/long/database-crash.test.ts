import { expect, it } from 'vitest'
import { expectEverySlotPostedOnce, jobsOf, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { createOwnServer } from '../../support/own-server.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, startWorkerProcess } from '../../support/worker-fixture.ts'

const jobs = 20

it('a worker goes on after two crashes of Postgres and posts every slot once', async () => {
  const database = await createOwnServer()
  const fixture = await createWorkerFixture(database, jobs, { sameVideo: true })
  const worker = startWorkerProcess(fixture.settings)
  const publishedNow = async () => {
    const jobs = await jobsOf(database, fixture).catch(() => [])
    return jobs.filter((job) => job.state === 'published').length
  }
  await waitUntil(
    async () => (await jobsOf(database, fixture)).length,
    (count) => count === jobs,
    30_000,
  )
  await database.crashAndRestart()
  await waitUntil(publishedNow, (count) => count >= 2, 240_000)
  await database.crashAndRestart()

  await waitUntilAllEnded(database, fixture, 400_000)
  await expectEverySlotPostedOnce(database, fixture)
  worker.child.kill('SIGTERM')
  expect((await worker.exited).code).toBe(0)
  await fixture.close()
}, 900_000)
