import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { listAccounts } from '../../../src/store/account/accounts.ts'
import { createTestDatabase } from '../../support/database.ts'
import { jobsOf, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, startWorkerProcess } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
/** The jobs that the first test leaves waiting must not be run by the second one's workers. */
const other = await createTestDatabase()
const hasHadToken: ReadonlySet<string> = new Set(['publishing.deferred', 'published'])

it('workers refresh an expired token once for all jobs that need it', async () => {
  const slots = inForm(6, 12)
  const fixture = await createWorkerFixture(database, slots, {
    slotsPerAccount: slots,
    sameVideo: true,
    simulatorSettings: { dailyPostCap: null },
  })
  await sql`update account set access_expires_at = now()`.execute(database.runtime.db)
  // The slow answer makes all jobs wait for the same refresh.
  fixture.tiktok.injectFault({ endpoint: 'token', effect: { kind: 'delay', delayMs: 1_500 }, nth: 1 })
  const workers = Array.from({ length: inForm(2, 4) }, () => startWorkerProcess(fixture.settings))
  try {
    // Jobs beyond the posts of a minute wait for the next one; all of them have used the token before.
    await waitUntil(
      () => jobsOf(database, fixture),
      (jobs) => jobs.length === slots && jobs.every(({ state }) => hasHadToken.has(state)),
      300_000,
    )
  } finally {
    for (const { child } of workers) child.kill('SIGTERM')
    await Promise.all(workers.map(({ exited }) => exited))
  }
  expect(fixture.tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  await fixture.close()
}, 600_000)

// One account per test, because a kill must not interrupt the refresh of another account.
/** Before the token is presented, and after the new pair is stored. */
const killed = [[['afterCommit', 'beforeStep']], [['afterStep', 'beforeCommit']]]

it.each(inForm(killed.slice(1), killed))(
  'an account survives kills at %s of its refresh, and no token is presented twice',
  async (boundaries) => {
    const fixture = await createWorkerFixture(other, 1, { simulatorSettings: { rateLimits: false } })
    const { rows } = await sql<{ id: string }>`
    update account set access_expires_at = now() where organization_id = ${fixture.organizationId}
    returning id`.execute(other.runtime.db)
    const pending = new Set(boundaries.map((boundary) => `${boundary} refreshing.requesting ${rows[0]?.id}`))
    let over = false
    const supervise = async () => {
      while (!over) {
        const worker = startWorkerProcess({ ...fixture.settings, kills: [...pending] })
        const stop = setInterval(() => over && worker.child.kill('SIGTERM'), 200)
        const { reached } = await worker.exited
        clearInterval(stop)
        if (reached) pending.delete(reached)
      }
    }
    const supervised = supervise()
    try {
      await waitUntilAllEnded(other, fixture, 300_000)
      // The job goes on once the new pair is stored; the account's machine waits until the lease has expired.
      await waitUntil(
        () => listAccounts(other.runtime.db, fixture.organizationId, { limit: 10, inverted: false }),
        (accounts) => accounts.every(({ state }) => state === 'connected'),
        180_000,
      )
    } finally {
      over = true
      await supervised
    }
    // The worker of the job commits a refresh that the job requests, so `afterCommit` may not be reached.
    expect([...pending].filter((point) => !point.startsWith('afterCommit'))).toEqual([])
    expect(fixture.tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
    await fixture.close()
  },
  600_000,
)
