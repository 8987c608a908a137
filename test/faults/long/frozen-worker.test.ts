import { expect, it } from 'vitest'
import { createTestDatabase } from '../../support/database.ts'
import { expectEverySlotPostedOnce, jobsOf, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, startWorkerProcess } from '../../support/worker-fixture.ts'

const database = await createTestDatabase()
/** Longer than the silence timeout of a connection, and than a lease. */
const frozenMs = 30_000

it('a worker that was frozen commits nothing stale and posts nothing twice', async () => {
  const fixture = await createWorkerFixture(database, 6, { sameVideo: true })
  const frozen = startWorkerProcess(fixture.settings)
  const leasedJob = async () => (await jobsOf(database, fixture)).find((job) => job.lease_owner !== null)
  await waitUntil(leasedJob, (job) => job !== undefined)
  frozen.child.kill('SIGSTOP')
  const frozenAt = Date.now()
  const other = startWorkerProcess(fixture.settings)
  await waitUntilAllEnded(database, fixture, 400_000)
  await waitUntil(
    () => Date.now() - frozenAt,
    (ms) => ms >= frozenMs,
    120_000,
  )

  const before = await jobsOf(database, fixture)
  const initsBefore = fixture.tiktok.counters().inits
  frozen.child.kill('SIGCONT')
  frozen.child.kill('SIGTERM')
  expect((await frozen.exited).code).toBe(0)
  // The frozen worker has lost its leases and changes nothing.
  expect(await jobsOf(database, fixture)).toEqual(before)
  expect(fixture.tiktok.counters().inits).toBe(initsBefore)
  await expectEverySlotPostedOnce(database, fixture)
  other.child.kill('SIGTERM')
  await other.exited
  await fixture.close()
}, 600_000)
