import { expect, it } from 'vitest'
import { sendJobEvent } from '../../../src/commands/send-event.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'
import { jobsOf, waitUntilAllEnded } from '../../support/expect-posts.ts'
import { createWorkerFixture } from '../../support/worker-fixture.ts'
import { startWorkerPool } from '../../support/worker-pool.ts'

const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const { db } = database.runtime

const slots = 12

it('quota usage equals the made and posted videos after jobs ended amid kills and cancellations', async () => {
  const fixture = await createWorkerFixture(database, slots)
  const { organizationId } = fixture
  const crew = startWorkerPool(fixture.settings, { workers: 2, killEveryMs: 3_000 })
  /** Cancels a random unfinished job. Too late, the job refuses that and nothing changes. */
  const cancelOne = async () => {
    const jobs = (await jobsOf(database, fixture)).filter(({ tag }) => tag === 'working' || tag === 'waiting')
    const job = jobs[Math.floor(Math.random() * jobs.length)]
    if (!job) return
    const request = { organizationId, jobId: job.id, event: { type: 'cancel' } } as const
    await db.transaction().execute((tx) => sendJobEvent(tx, deps, request))
  }
  const people = setInterval(() => cancelOne().catch(() => undefined), 2_500)
  try {
    await waitUntilAllEnded(database, fixture, 480_000)
  } finally {
    clearInterval(people)
    await crew.stop()
  }

  // Every slot has another storyboard, so every made video is another file.
  const made = await db
    .selectFrom('media')
    .select('sha256')
    .where('organization_id', '=', organizationId)
    .execute()
  const posted = fixture.tiktok
    .posts()
    .filter(({ bytes, size, status }) => bytes === size && status !== 'FAILED')
  const quotas = await db
    .selectFrom('quota')
    .select(['metric', 'reserved', 'used'])
    .where('organization_id', '=', organizationId)
    .where('metric', 'in', ['uploads', 'videos'])
    .orderBy('metric')
    .execute()
  expect(quotas).toEqual([
    { metric: 'uploads', reserved: 0, used: posted.length },
    { metric: 'videos', reserved: 0, used: made.length },
  ])
  expect(await auditQuota(db, organizationId)).toEqual([])
  await fixture.close()
}, 600_000)
