import { expect, it } from 'vitest'
import { createOwnServer } from '../support/own-server.ts'
import { createStage, startWorkerProcess } from '../support/stage.ts'
import { expectEverySlotPostedOnce, jobsOf, untilAllEnded } from '../support/verdict.ts'
import { until } from '../support/wait.ts'
import { inForm } from './form.ts'

const jobs = inForm(8, 20)

it('goes on after Postgres crashed under running jobs, twice', async () => {
  const database = await createOwnServer()
  const stage = await createStage(database, jobs, { sameVideo: true })
  const worker = startWorkerProcess(stage.settings)
  const publishedNow = async () => {
    const jobs = await jobsOf(database, stage).catch(() => [])
    return jobs.filter((job) => job.state === 'published').length
  }
  await until(
    async () => (await jobsOf(database, stage)).length,
    (count) => count === jobs,
    30_000,
  )
  await database.crashAndRestart()
  await until(publishedNow, (count) => count >= 2, 240_000)
  await database.crashAndRestart()

  await untilAllEnded(database, stage, 400_000)
  await expectEverySlotPostedOnce(database, stage)
  worker.child.kill('SIGTERM')
  expect((await worker.exited).code).toBe(0)
  await stage.close()
}, 900_000)
