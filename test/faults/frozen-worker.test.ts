import { expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { createStage, startWorkerProcess } from '../support/stage.ts'
import { expectEverySlotPostedOnce, jobsOf, untilAllEnded } from '../support/verdict.ts'
import { until } from '../support/wait.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
/** In the long form longer than a connection may be silent, and than a lease. */
const frozenMs = inForm(0, 30_000)

it('lets a worker that was frozen commit nothing stale and post nothing twice', async () => {
  const stage = await createStage(database, inForm(3, 6))
  const frozen = startWorkerProcess(stage.settings)
  const holder = async () => (await jobsOf(database, stage)).find((job) => job.lease_owner !== null)
  await until(holder, (job) => job !== undefined)
  frozen.child.kill('SIGSTOP')
  const frozenAt = Date.now()
  const other = startWorkerProcess(stage.settings)
  await untilAllEnded(database, stage, 400_000)
  await until(
    () => Date.now() - frozenAt,
    (ms) => ms >= frozenMs,
    120_000,
  )

  const before = await jobsOf(database, stage)
  const initsBefore = stage.tiktok.counters().inits
  frozen.child.kill('SIGCONT')
  frozen.child.kill('SIGTERM')
  expect((await frozen.exited).code).toBe(0)
  // It woke, found its leases gone, and left everything as it was.
  expect(await jobsOf(database, stage)).toEqual(before)
  expect(stage.tiktok.counters().inits).toBe(initsBefore)
  await expectEverySlotPostedOnce(database, stage)
  other.child.kill('SIGTERM')
  await other.exited
  await stage.close()
}, 600_000)
