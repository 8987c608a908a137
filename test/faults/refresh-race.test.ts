import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { listAccounts } from '../../src/store/account/accounts.ts'
import { createTestDatabase } from '../support/database.ts'
import { createStage, startWorkerProcess } from '../support/stage.ts'
import { jobsOf, untilAllEnded } from '../support/verdict.ts'
import { until } from '../support/wait.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
/** What the first test leaves waiting is not for the second one's workers. */
const other = await createTestDatabase()
const hasHadToken: ReadonlySet<string> = new Set(['publishing.awaitingTurn', 'published'])

it('refreshes an expired token once for all jobs of all workers that need it', async () => {
  const slots = inForm(6, 12)
  const stage = await createStage(database, slots, {
    slotsPerAccount: slots,
    sameVideo: true,
    simulatorSettings: { dailyPostCap: null },
  })
  await sql`update account set access_expires_at = now()`.execute(database.runtime.db)
  // A slow answer: everybody comes while it is under way.
  stage.tiktok.injectFault({ endpoint: 'token', effect: { kind: 'delay', delayMs: 1_500 }, nth: 1 })
  const workers = Array.from({ length: inForm(2, 4) }, () => startWorkerProcess(stage.settings))
  try {
    // Those beyond a minute's posts wait for the next minute; what they need the token for is behind all of them.
    await until(
      () => jobsOf(database, stage),
      (jobs) => jobs.length === slots && jobs.every(({ state }) => hasHadToken.has(state)),
      300_000,
    )
  } finally {
    for (const { child } of workers) child.kill('SIGTERM')
    await Promise.all(workers.map(({ exited }) => exited))
  }
  expect(stage.tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
  await stage.close()
}, 600_000)

// One account at a time: the kill of one must not fall into the moment where another one's token is shown.
it.each([
  // Before it is presented, and after the new pair is in the vault: the account is kept.
  [['afterCommit', 'beforeStep']],
  [['afterStep', 'beforeCommit']],
])(
  'survives workers that are killed %s at a refresh, without presenting a token twice',
  async (boundaries) => {
    const stage = await createStage(other, 1, { simulatorSettings: { rateLimits: false } })
    const { rows } = await sql<{ id: string }>`
    update account set access_expires_at = now() where organization_id = ${stage.organizationId}
    returning id`.execute(other.runtime.db)
    const pending = new Set(boundaries.map((boundary) => `${boundary} refreshing.asking ${rows[0]?.id}`))
    let over = false
    const supervise = async () => {
      while (!over) {
        const worker = startWorkerProcess({ ...stage.settings, kills: [...pending] })
        const stop = setInterval(() => over && worker.child.kill('SIGTERM'), 200)
        const { reached } = await worker.exited
        clearInterval(stop)
        if (reached) pending.delete(reached)
      }
    }
    const supervised = supervise()
    try {
      await untilAllEnded(other, stage, 300_000)
      // The job goes on as soon as the new pair is in the vault; the account's own machine takes a lease's length longer.
      await until(
        () => listAccounts(other.runtime.db, stage.organizationId, { limit: 10, inverted: false }),
        (accounts) => accounts.every(({ state }) => state === 'connected'),
        180_000,
      )
    } finally {
      over = true
      await supervised
    }
    // A refresh that a job asks for is committed by that job's worker, so `afterCommit` may not be reached here.
    expect([...pending].filter((point) => !point.startsWith('afterCommit'))).toEqual([])
    expect(stage.tiktok.counters()).toMatchObject({ refreshes: 1, refreshReuse: 0 })
    await stage.close()
  },
  600_000,
)
