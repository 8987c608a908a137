import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { expectEverySlotPostedOnce, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { createWorkerFixture, startWorkerProcess } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const jobs = inForm(6, 20)

it('two workers share jobs up to a public post, and run none of them twice', async () => {
  const fixture = await createWorkerFixture(database, jobs, { sameVideo: true })
  const workers = [startWorkerProcess(fixture.settings), startWorkerProcess(fixture.settings)]
  await waitUntilAllEnded(database, fixture, 400_000)
  await expectEverySlotPostedOnce(database, fixture)
  expect(fixture.tiktok.counters().inits).toBe(jobs)
  for (const { child } of workers) child.kill('SIGTERM')
  expect((await Promise.all(workers.map((worker) => worker.exited))).map(({ code }) => code)).toEqual([0, 0])
  await fixture.close()
}, 480_000)
