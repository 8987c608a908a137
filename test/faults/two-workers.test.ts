import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { createStage, startWorkerProcess } from '../support/stage.ts'
import { expectEverySlotPostedOnce, untilAllEnded } from '../support/verdict.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const jobs = inForm(6, 20)

it('takes jobs all the way to a public post, shared by two workers, none run twice', async () => {
  const stage = await createStage(database, jobs, { sameVideo: true })
  const workers = [startWorkerProcess(stage.settings), startWorkerProcess(stage.settings)]
  await untilAllEnded(database, stage, 400_000)
  await expectEverySlotPostedOnce(database, stage)
  expect(stage.tiktok.counters().inits).toBe(jobs)
  for (const { child } of workers) child.kill('SIGTERM')
  expect((await Promise.all(workers.map((worker) => worker.exited))).map(({ code }) => code)).toEqual([0, 0])
  await stage.close()
}, 480_000)
