import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { createStage, startWorkerProcess } from '../support/stage.ts'
import { expectEverySlotPostedOnce, untilAllEnded } from '../support/verdict.ts'

const database = await createTestDatabase()

it('takes jobs all the way to a public post, twenty shared by two workers, none run twice', async () => {
  const stage = await createStage(database, 20, { sameVideo: true })
  const workers = [startWorkerProcess(stage.settings), startWorkerProcess(stage.settings)]
  await untilAllEnded(database, stage, 400_000)
  await expectEverySlotPostedOnce(database, stage)
  expect(stage.tiktok.counters().inits).toBe(20)
  for (const { child } of workers) child.kill('SIGTERM')
  expect((await Promise.all(workers.map((worker) => worker.exited))).map(({ code }) => code)).toEqual([0, 0])
  await stage.close()
}, 480_000)
