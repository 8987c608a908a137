import { Kysely, PostgresDialect, sql } from 'kysely'
import { beforeAll, expect, it } from 'vitest'
import type { Executor } from '../../../src/store/database.ts'
import { readEvents, readNewEvents } from '../../../src/store/event/read.ts'
import { listReferencedFiles, listUnreferencedClips } from '../../../src/store/job/clips.ts'
import { type JobFilter, listJobs } from '../../../src/store/job/job-list.ts'
import { findOverdueInstances } from '../../../src/store/job/jobs.ts'
import type { Database } from '../../../src/store/tables.ts'
import { createAccount } from '../../support/account.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const organizationId = await createOrganization(database)
const planId = crypto.randomUUID()
const accountId = await createAccount(database, organizationId)
const busyAccountId = await createAccount(database, organizationId)
const jobCount = inForm(20_000, 100_000)
const eventCount = inForm(60_000, 1_000_000)
/** A list of 50 rows reads each of them with a few pages of its index. Reading all rows takes more than a thousand. */
const fewPages = 300

/** Jobs and events of one organization; of the plan and the first account 5 jobs with 3 events each, and 20 events about quotas. */
beforeAll(async () => {
  const { pool } = database.owner
  await pool.query(
    `insert into reelpilot.plan (id, organization_id, account_id, name, time_zone, state, revision)
     values ($1, $2, $3, 'Plan', 'UTC', 'draft', 1)`,
    [planId, organizationId, accountId],
  )
  await pool.query(
    `insert into reelpilot.slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, mode, caption)
     select gen_random_uuid(), $2, $1, '2030-01-01T00:00:00', now() + interval '1 year', '{}', 'draft', ''
       from generate_series(1, 5)`,
    [planId, organizationId],
  )
  await pool.query(
    `insert into reelpilot.machine_instance (id, organization_id, slot_id, account_id, machine, version, state, tag, context, revision, wake_at, timers)
     select gen_random_uuid(), $1::uuid, null, $2::uuid, 'job', 1, 'awaitingSlot', 'waiting', '{}'::jsonb, 1, now() + interval '1 day', '{}'::jsonb
       from generate_series(1, $4::int)
     union all
     select id, $1::uuid, id, $3::uuid, 'job', 1, 'published', 'settled', '{}'::jsonb, 1, null, '{}'::jsonb from reelpilot.slot`,
    [organizationId, busyAccountId, accountId, jobCount],
  )
  await pool.query(
    `insert into reelpilot.event (organization_id, sequence, type, job_id, job_revision, slot_id)
     select $1::uuid, n, case when n % $3::int = 0 then 'quota.granted' else 'job.transitioned' end,
            case when n % $3::int > 0 then gen_random_uuid() end, case when n % $3::int > 0 then n end, null
       from generate_series(1, $2::int) n`,
    [organizationId, eventCount, eventCount / 20],
  )
  await pool.query(
    `insert into reelpilot.event (organization_id, sequence, type, job_id, job_revision, slot_id)
     select $1::uuid, $2::int + row_number() over (), 'job.transitioned', id, n, id
       from reelpilot.slot cross join generate_series(1, 3) n`,
    [organizationId, eventCount],
  )
  await pool.query('vacuum analyze reelpilot.event, reelpilot.machine_instance, reelpilot.slot')
}, 120_000)

/** Runs a list as the API does, and returns its rows and how many pages its statement reads. */
async function measure<Row>(
  list: (db: Executor) => Promise<readonly Row[]>,
  { pool } = database.api,
): Promise<{ readonly rows: readonly Row[]; readonly pages: number }> {
  let last: { readonly sql: string; readonly parameters: readonly unknown[] } = { sql: '', parameters: [] }
  const db = new Kysely<Database>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => {
      last = query
    },
  })
  return await db.transaction().execute(async (tx) => {
    await sql`select set_config('app.organization_id', ${organizationId}, true)`.execute(tx)
    const rows = await list(tx)
    const { sql: text, parameters } = last
    const { rows: plans } = await tx.executeQuery<{ 'QUERY PLAN': readonly [{ Plan: Pages }] }>({
      ...sql`select`.compile(tx),
      sql: `explain (analyze, buffers, format json) ${text}`,
      parameters,
    })
    const plan = plans[0]?.['QUERY PLAN'][0].Plan
    return { rows, pages: (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0) }
  })
}

interface Pages {
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
}

const all = { after: 0, until: eventCount + 100, limit: 50 }

it.each([
  ['of quotas', { kind: 'family', family: 'quota' }, 20],
  ['of a family without any', { kind: 'family', family: 'breaker' }, 0],
  ['of an account', { kind: 'account', accountId }, 0],
  ['of a plan', { kind: 'plan', planId }, 15],
  ['of a plan without any', { kind: 'plan', planId: crypto.randomUUID() }, 0],
  ['of a job', { kind: 'job', jobId: crypto.randomUUID() }, 0],
  ['of everything', { kind: 'all' }, 50],
] as const)('a replay %s reads what it returns, not all events', async (_name, filter, count) => {
  const { rows, pages } = await measure((db) => readEvents(db, organizationId, filter, all))
  expect(rows).toHaveLength(count)
  expect(rows.map(({ sequence }) => sequence)).toEqual(
    rows.map((row) => row.sequence).toSorted((a, b) => a - b),
  )
  expect(pages).toBeLessThan(fewPages)
})

it('the newest events are read from the end', async () => {
  const { rows, pages } = await measure((db) =>
    readNewEvents(db, organizationId, { after: eventCount, limit: 50 }),
  )
  expect(rows).toHaveLength(15)
  expect(pages).toBeLessThan(fewPages)
})

const none: JobFilter = { states: null, tags: null, planId: null, accountId: null }
it.each<[string, JobFilter, number]>([
  ['of a plan', { ...none, planId }, 5],
  ['of a plan without any', { ...none, planId: crypto.randomUUID() }, 0],
  ['in a rare state', { ...none, states: ['published', 'published', 'failed'] }, 5],
  ['in a state without any', { ...none, states: ['failed'] }, 0],
  ['in a common state and a rare one', { ...none, states: ['awaitingSlot', 'published'] }, 50],
  ['with a rare tag', { ...none, tags: ['settled'], statesOfOtherTags: ['awaitingSlot'] }, 5],
  [
    'with a tag without any',
    { ...none, tags: ['final'], statesOfOtherTags: ['awaitingSlot', 'published'] },
    0,
  ],
  ['of an account', { ...none, accountId }, 5],
  ['of an account with most of them', { ...none, accountId: busyAccountId }, 50],
  ['of an account without any', { ...none, accountId: crypto.randomUUID() }, 0],
  ['of an account in a rare state', { ...none, accountId, states: ['published'] }, 5],
  ['of all', none, 50],
])('a list of jobs %s reads what it returns, not all jobs', async (_name, filter, count) => {
  const page = { limit: 50, inverted: false }
  const { rows, pages } = await measure((db) => listJobs(db, organizationId, filter, page))
  expect(rows).toHaveLength(count)
  expect(pages).toBeLessThan(fewPages)
})

it('the clips that are still needed are found without reading all jobs', async () => {
  const [ended = ''] = await addJobsWithClips()
  const own = await measure(
    (db) => listUnreferencedClips(db, { organizationId, jobId: ended }),
    database.runtime,
  )
  expect(own.rows).toEqual(['only its own'])
  expect(own.pages).toBeLessThan(fewPages)
  const stored = await measure(
    async (db) => [...(await listReferencedFiles(db, organizationId, []))],
    database.runtime,
  )
  expect(stored.rows.toSorted()).toEqual(['another’s too', 'of another'])
  expect(stored.pages).toBeLessThan(fewPages)
})

/** A job that has ended and one that still needs its clips, one of which both have. Returns their ids. */
async function addJobsWithClips(): Promise<readonly string[]> {
  const ids = [crypto.randomUUID(), crypto.randomUUID()]
  const clips = [
    ['only its own', 'another’s too'],
    ['of another', 'another’s too'],
  ].map((names) => names.map((sha256) => ({ sha256, bytes: 1 })))
  const { pool } = database.owner
  await pool.query(
    `insert into reelpilot.machine_instance (id, organization_id, machine, version, state, tag, context, revision)
     values ($1, $3, 'job', 1, 'published', 'settled', $4, 1), ($2, $3, 'job', 1, 'paused', 'resting', $5, 1)`,
    [
      ...ids,
      organizationId,
      { clips: clips[0], checked: true, ending: 'published' },
      { clips: clips[1], checked: false, ending: null },
    ],
  )
  return ids
}

it('the sweep reads what is overdue, not all unfinished instances', async () => {
  const { rows, pages } = await measure((db) => findOverdueInstances(db, 30), database.runtime)
  expect(rows).toEqual([])
  expect(pages).toBeLessThan(fewPages)
})
