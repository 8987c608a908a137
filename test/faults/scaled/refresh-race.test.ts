import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { listAccounts } from '../../../src/store/account/accounts.ts'
import { createTestDatabase } from '../../support/database.ts'
import { jobsOf, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { waitUntil } from '../../support/wait.ts'
import { createWorkerFixture, startWorkerProcess } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
/** What the first test leaves waiting is not for the second one's workers. */
const other = await createTestDatabase()
const hasHadToken: ReadonlySet<string> = new Set(['publishing.deferred', 'published'])

it('refreshes an expired token once for all jobs of all workers that need it', async () => {
  const slots = inForm(6, 12)
  const fixture = await createWorkerFixture(database, slots, {
    slotsPerAccount: slots,
    sameVideo: true,
    simulatorSettings: { dailyPostCap: null },
  })
  await sql`update account set access_expires_at = now()`.execute(database.runtime.db)
  // A slow answer: everybody comes while it is under way.
  fixture.tiktok.injectFault({ endpoint: 'token', effect: { kind: 'delay', delayMs: 1_500 }, nth: 1 })
  const workers = Array.from({ length: inForm(2, 4) }, () => startWorkerProcess(fixture.settings))
  try {
    // Those beyond a minute's posts wait for the next minute; what they need the token for is behind all of them.
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

// One account at a time: the kill of one must not fall into the moment where another one's token is shown.
it.each([
  // Before it is presented, and after the new pair is in the vault: the account is kept.
  [['afterCommit', 'beforeStep']],
  [['afterStep', 'beforeCommit']],
])(
  'survives workers that are killed %s at a refresh, without presenting a token twice',
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
      // The job goes on as soon as the new pair is in the vault; the account's own machine takes a lease's length longer.
      await waitUntil(
        () => listAccounts(other.runtime.db, fixture.organizationId, { limit: 10, inverted: false }),
        (accounts) => accounts.every(({ state }) => state === 'connected'),
        180_000,
      )
    } finally {
      over = true
      await supervised
    }
    // A refresh that a job asks for is committed by that job's worker, so `afterCommit` may not be reached here.
    expect([...pending].filter((point) => !point.startsWith('afterCommit'))).toEqual([])
    expect(fixture.tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
    await fixture.close()
  },
  600_000,
)
