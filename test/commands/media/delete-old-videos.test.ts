import { createHash, randomUUID } from 'node:crypto'
import { expect, it } from 'vitest'
import { deleteOldVideos } from '../../../src/commands/media/delete-old-videos.ts'
import { recordUsage } from '../../../src/commands/quota/settle-quota.ts'
import { purgeMedia } from '../../../src/steps/media/purge-media.ts'
import { listReferencedFiles } from '../../../src/store/job/clips.ts'
import { insertStoredVideo } from '../../../src/store/media/stored-video.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { createTenant, createTestApi } from '../../graphql/support.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'
import { insertUploadedMedia } from '../../support/media.ts'

const database = await createTestDatabase()
const { pool } = database.owner
const { db } = database.runtime
const { organizationId } = await createTenant(database, await createTestApi(database))
const sha = (name: string) => createHash('sha256').update(name).digest('hex')
const deps = await createCommandDeps(database)
const deleteOld = () => deleteOldVideos(db, deps, { send: () => undefined }, 30, 2)
const countBytes = () =>
  db.transaction().execute((tx) => {
    const use = { metric: 'storageBytes', amount: 1_000, key: null, jobId: null } as const
    return recordUsage(tx, { organizationId, at: Date.now(), ...use })
  })

interface JobOf {
  readonly state?: string
  readonly tag?: string
  readonly endedDaysAgo?: number
}

/** A video of 1,000 bytes that was stored some days ago, with the jobs that have it. */
async function store(name: string, jobs: readonly JobOf[], storedDaysAgo = 40): Promise<void> {
  const video = { organizationId, sha256: sha(name), bytes: 1_000, seconds: 5, width: 1080, height: 1920 }
  await insertStoredVideo(db, video)
  await countBytes()
  await pool.query(
    `update reelpilot.media set created_at = now() - make_interval(days => $2) where sha256 = $1`,
    [sha(name), storedDaysAgo],
  )
  for (const { state = 'published', tag = 'settled', endedDaysAgo = 31 } of jobs)
    await pool.query(
      `insert into reelpilot.machine_instance
         (id, organization_id, machine, version, state, tag, context, revision, wake_at, updated_at)
       values ($1, $2, 'job', 1, $3, $4, jsonb_build_object('media', jsonb_build_object('sha256', $5::text)), 1,
               case when $4 = 'waiting' then now() end, now() - make_interval(days => $6))`,
      [randomUUID(), organizationId, state, tag, sha(name), endedDaysAgo],
    )
}

async function addSlotOf(name: string, publishInDays: number): Promise<void> {
  await pool.query(
    `insert into reelpilot.plan (id, organization_id, account_id, name, time_zone, state, revision)
     select gen_random_uuid(), $1, id, 'Plan', 'UTC', 'draft', 1 from reelpilot.account where organization_id = $1 limit 1`,
    [organizationId],
  )
  await pool.query(
    `insert into reelpilot.slot (id, organization_id, plan_id, wall_time, publish_at, media_id, mode, caption)
     select gen_random_uuid(), $1, plan.id, '2030-01-01T00:00:00', now() + make_interval(days => $3), media.id, 'draft', ''
       from reelpilot.media, (select id from reelpilot.plan where organization_id = $1 limit 1) plan
      where media.sha256 = $2`,
    [organizationId, sha(name), publishInDays],
  )
}

const deleted = async () => {
  const { rows } = await pool.query('select sha256 from reelpilot.media where deleted_at is not null')
  return rows.map(({ sha256 }) => sha256).sort()
}

it('videos are deleted once nobody has needed them for the time, and nothing else is', async () => {
  await store('published long ago', [{}])
  await store('failed and cancelled long ago', [
    { state: 'failed', tag: 'final' },
    { state: 'cancelled', tag: 'final' },
  ])
  await store('previewed a slot that was removed', [{ state: 'rendered', tag: 'final' }])
  await pool.query(
    `insert into reelpilot.preview (job_id, organization_id, storyboard)
     select id, organization_id, '{}' from reelpilot.machine_instance where context->'media'->>'sha256' = $1`,
    [sha('previewed a slot that was removed')],
  )
  await store('of a slot of long ago', [{}])
  await addSlotOf('of a slot of long ago', -31)
  const gone = [
    'published long ago',
    'failed and cancelled long ago',
    'of a slot of long ago',
    'previewed a slot that was removed',
  ]
    .map(sha)
    .sort()

  await store('published lately', [{ endedDaysAgo: 29 }])
  await store('published twice, once lately', [{}, { endedDaysAgo: 29 }])
  await store('stored lately', [], 29)
  await store('waits for its slot', [{ state: 'awaitingSlot', tag: 'waiting' }])
  await store('waits for a person', [{ state: 'needsPerson', tag: 'resting' }])
  await store('of a draft of next week', [{}])
  await addSlotOf('of a draft of next week', 7)
  await store('previews a slot of next week', [{ state: 'rendered', tag: 'final' }])
  await pool.query(
    `insert into reelpilot.preview (job_id, organization_id, slot_id, storyboard)
     select job.id, job.organization_id, slot.id, '{}' from reelpilot.machine_instance job, reelpilot.slot
      where job.context->'media'->>'sha256' = $1 and slot.publish_at > now()`,
    [sha('previews a slot of next week')],
  )
  await store('has a title', [{}])
  await store('has tags', [{}])
  await pool.query(`update reelpilot.media set title = 'Best' where sha256 = $1`, [sha('has a title')])
  await pool.query(`update reelpilot.media set tags = '{best}' where sha256 = $1`, [sha('has tags')])
  const uploaded = await insertUploadedMedia(database, organizationId)
  await countBytes()
  await pool.query(`update reelpilot.media set created_at = now() - interval '1 year' where id = $1`, [
    uploaded,
  ])

  expect(await deleteOld()).toBe(4)
  expect(await deleted()).toEqual(gone)
  expect(await deleteOld()).toBe(0)
})

it('their bytes are free again once they are purged, and the audit agrees', async () => {
  const usedBytes = async () =>
    Number(
      (
        await pool.query(
          `select sum(used) as used from reelpilot.quota where metric = 'storageBytes' and period = 'total'`,
        )
      ).rows[0].used,
    )
  const before = await usedBytes()
  const shas = await deleted()
  const { rows } = await pool.query('select id from reelpilot.media where deleted_at is not null')
  for (const { id } of rows)
    await purgeMedia({ db }, { organizationId, jobId: id, now: () => Date.now() } as Parameters<
      typeof purgeMedia
    >[1])
  expect(await usedBytes()).toBe(before - 4_000)
  // The sweep removes files that nothing refers to.
  expect(await listReferencedFiles(db, organizationId, shas)).toEqual(new Set())
  const findings = await auditQuota(db, organizationId)
  expect(findings.filter(({ code }) => code !== 'MISSING_RESERVATION')).toEqual([])
})
