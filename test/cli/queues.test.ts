import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeQueues } from '../../src/cli/queues.ts'
import { redriveDeadLetters } from '../../src/cli/redrive.ts'
import { deadLetterJob } from '../../src/commands/job/dead-letter-job.ts'
import { createLogger } from '../../src/logger.ts'
import { createBoss, throttleWarnings } from '../../src/queue/boss.ts'
import { queues } from '../../src/queue/queue-settings.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { listQueueWarnings } from '../../src/store/job/queue-warnings.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'
import { startToyJob } from '../support/toy-runtime.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const log = createLogger('silent', false)
const deps = await createCommandDeps(database)
const logged: { readonly message: string; readonly seen: number }[] = []
const boss = createBoss({
  url: database.url,
  role: 'reelpilot_runtime',
  name: 'test',
  supervises: true,
  onError: () => undefined,
  onWarning: throttleWarnings(({ message }, seen) => logged.push({ message, seen })),
})
beforeAll(() => boss.start())
afterAll(() => boss.stop({ graceful: false }))

describe('queue warnings', () => {
  it('are stored, listed for the operator, and logged once while they last', async () => {
    expect(await describeQueues(database.url, log)).toContain('No queue warnings')
    await database.owner.pool.query(
      `update reelpilot_queue.queue set warning_queued = 1 where name = '${queues.wake}'`,
    )
    const later = { organizationId: null, at: Date.now() + 3_600_000 }
    const jobId = crypto.randomUUID()
    await queueWakeUps(
      boss,
      ['a', 'b'].map((reason) => ({ jobId, reason, ...later })),
    )
    const [warning] = await waitUntil(
      () => listQueueWarnings(db),
      ([first]) => (first?.count ?? 0) >= 2,
    )
    expect(warning).toMatchObject({
      type: 'queue_backlog',
      message: expect.stringContaining('queue "job-wake" has 2 jobs'),
    })
    expect(logged).toEqual([{ message: warning?.message, seen: 1 }])
    const description = await describeQueues(database.url, log)
    expect(description).toMatch(/^job-wake +0 +2 +0 +0$/m)
    expect(description).toMatch(/queue_backlog: \d+ times, last at 2/)
  })
})

describe('open dead letters', () => {
  it('are listed for the operator and redriven one by one or all together', async () => {
    const organizationId = await createOrganization(database)
    const ids = [
      await startToyJob(database, boss, organizationId),
      await startToyJob(database, boss, organizationId),
    ]
    const cause = { code: 'WORKER_DIED', message: 'It died.' } as const
    const deadLetter = { cause, attempts: 35, at: new Date(Date.now() + 1_000), isRepeated: false }
    for (const id of ids) await db.transaction().execute((tx) => deadLetterJob(tx, deps, id, deadLetter))
    const listed = await describeQueues(database.url, log)
    expect(listed).toContain('Open dead letters: 2')
    for (const id of ids) expect(listed).toContain(`${id}  toy in running, since 2`)

    const [first = ''] = ids
    expect(await redriveDeadLetters(database.url, 'nobody', log)).toBe('There is no such open dead letter.')
    expect(await redriveDeadLetters(database.url, first, log)).toBe(`${first}  redriven`)
    expect(await redriveDeadLetters(database.url, first, log)).toBe('There is no such open dead letter.')
    expect(await redriveDeadLetters(database.url, 'all', log)).toBe(`${ids[1]}  redriven`)
    expect(await describeQueues(database.url, log)).toContain('No open dead letters.')
    const reasons = await db.selectFrom('dead_letter').select(['redrive_reason', 'redriven_by']).execute()
    expect(reasons).toEqual(
      ids.map(() => ({ redrive_reason: 'By the operator, at the command line', redriven_by: null })),
    )
  })
})
