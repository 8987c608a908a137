import { expect, it } from 'vitest'
import { moveJob } from '../../src/commands/move-job.ts'
import { auditQuota } from '../../src/store/quota/audit.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { startCrew } from '../support/crew.ts'
import { createTestDatabase } from '../support/database.ts'
import { createStage } from '../support/stage.ts'
import { jobsOf, untilAllEnded } from '../support/verdict.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const deps = await createCommandDeps(database)
const { db } = database.runtime

const slots = inForm(5, 12)

it('has used what was really made and posted once the jobs have ended, however workers died and people cancelled', async () => {
  const stage = await createStage(database, slots)
  const { organizationId } = stage
  const crew = startCrew(stage.settings, { workers: 2, killEveryMs: 3_000 })
  /** Asks for the end of a job that is under way; where it comes too late it is refused, and nothing changes. */
  const cancelOne = async () => {
    const jobs = (await jobsOf(database, stage)).filter(({ tag }) => tag === 'working' || tag === 'waiting')
    const job = jobs[Math.floor(Math.random() * jobs.length)]
    if (!job) return
    const request = { organizationId, jobId: job.id, event: { type: 'cancel' } } as const
    await db.transaction().execute((tx) => moveJob(tx, deps, request))
  }
  const people = setInterval(() => cancelOne().catch(() => undefined), 2_500)
  try {
    await untilAllEnded(database, stage, 480_000)
  } finally {
    clearInterval(people)
    await crew.stop()
  }

  // Each shows something of its own, so each that was made is a file of its own.
  const made = await db
    .selectFrom('media')
    .select('sha256')
    .where('organization_id', '=', organizationId)
    .execute()
  const posted = stage.tiktok
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
  await stage.close()
}, 600_000)
