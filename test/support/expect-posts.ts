import { expect } from 'vitest'
import type { Checkpoint } from '../../src/durable/checkpoint.ts'
import { auditQuota } from '../../src/store/quota/audit.ts'
import type { TestDatabase } from './database.ts'
import { waitUntil } from './wait.ts'
import type { WorkerFixture } from './worker-fixture.ts'

/** Reads the jobs of a fixture, by slot. */
export async function jobsOf(database: TestDatabase, fixture: WorkerFixture) {
  const jobs = await database.runtime.db
    .selectFrom('machine_instance')
    .where('machine', '=', 'job')
    .select(['id', 'slot_id', 'state', 'tag', 'revision', 'context', 'lease_owner'])
    .where('organization_id', '=', fixture.organizationId)
    .execute()
  return jobs.map((job) => ({ ...job, context: job.context as Checkpoint['context'] }))
}

/** The states in which a job has ended. */
const ends: ReadonlySet<string> = new Set(['published', 'delivered', 'takenDown', 'cancelled', 'failed'])

/** Waits for every slot's job to end; throws with the unfinished ones after the timeout. */
export async function waitUntilAllEnded(
  database: TestDatabase,
  fixture: WorkerFixture,
  timeoutMs: number,
): Promise<void> {
  await waitUntil(
    async () => {
      const jobs = await jobsOf(database, fixture)
      const unfinished = jobs.filter((job) => !ends.has(job.state))
      return { count: jobs.length, unfinished: unfinished.map((job) => `${job.state} r${job.revision}`) }
    },
    ({ count, unfinished }) => count === fixture.slotIds.length && unfinished.length === 0,
    timeoutMs,
    200,
  )
}

/** The invariants after every fault: one public post per slot with the stored bytes, gapless sequences, settled quotas. */
export async function expectEverySlotPostedOnce(
  database: TestDatabase,
  fixture: WorkerFixture,
): Promise<void> {
  const { db } = database.runtime
  const jobs = await jobsOf(database, fixture)
  expect(jobs.map((job) => job.state)).toEqual(jobs.map(() => 'published'))

  for (const job of jobs) {
    const context = job.context as { media: { sha256: string }; publicPostIds: readonly string[] }
    const posts = fixture.tiktok
      .posts()
      .filter((post) => post.title === job.slot_id && post.status === 'PUBLISH_COMPLETE')
    expect(posts.map((post) => post.sha256)).toEqual([context.media.sha256])
    expect(posts[0]?.postIds).toEqual(context.publicPostIds)

    const events = await db
      .selectFrom('event')
      .select('job_revision')
      .where('job_id', '=', job.id)
      .orderBy('job_revision')
      .execute()
    expect(events.map((event) => event.job_revision)).toEqual(
      Array.from({ length: job.revision }, (_, index) => index + 1),
    )
  }
  const sequence = await db
    .selectFrom('event')
    .select('sequence')
    .where('organization_id', '=', fixture.organizationId)
    .orderBy('sequence')
    .execute()
  expect(sequence.map((event) => event.sequence)).toEqual(sequence.map((_, index) => index + 1))

  const quotas = await db
    .selectFrom('quota')
    .select(['metric', 'reserved', 'used'])
    .where('organization_id', '=', fixture.organizationId)
    .where('metric', 'in', ['seconds', 'uploads', 'videos'])
    .orderBy('metric')
    .execute()
  expect(quotas).toEqual([
    { metric: 'seconds', reserved: 0, used: 3 * jobs.length },
    { metric: 'uploads', reserved: 0, used: jobs.length },
    { metric: 'videos', reserved: 0, used: jobs.length },
  ])
  expect(await auditQuota(db, fixture.organizationId)).toEqual([])
}
