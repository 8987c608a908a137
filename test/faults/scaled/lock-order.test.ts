import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import type { PgBoss } from 'pg-boss'
import { expect, it } from 'vitest'
import { openQuotaPeriods } from '../../../src/commands/quota/quota-period.ts'
import { wakeAtOf } from '../../../src/durable/checkpoint.ts'
import { initialCheckpoint } from '../../../src/durable/decide.ts'
import {
  createDatabaseClock,
  type InstanceStore,
  type Transition,
} from '../../../src/durable/instance-store.ts'
import type { StepContext } from '../../../src/durable/step.ts'
import { createInstanceStore } from '../../../src/queue/instance-store.ts'
import { queueWakeUps } from '../../../src/queue/wake.ts'
import { closeJob } from '../../../src/steps/close-job.ts'
import type { StepDeps } from '../../../src/steps/step-deps.ts'
import { connect, type Db, type Tx } from '../../../src/store/database.ts'
import { lockJobsInState } from '../../../src/store/job/job-list.ts'
import { insertInstance, lockInstance } from '../../../src/store/job/jobs.ts'
import { commitTransitions } from '../../../src/store/job/transitions.ts'
import { approveSlots } from '../../../src/store/plan/approvals.ts'
import { lockDueSlots } from '../../../src/store/plan/due-slots.ts'
import { grantQuota } from '../../../src/store/quota/adjustments.ts'
import { debitQuota } from '../../../src/store/quota/reservations.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { toyMachine } from '../../support/toy-machine.ts'
import { createToyProcess } from '../../support/toy-runtime.ts'
import { waitUntil } from '../../support/wait.ts'
import { inForm } from './form.ts'

const database = await createTestDatabase()
const { db } = database.runtime

interface Job {
  readonly jobId: string
  readonly organizationId: string
}

const checkpointOf = (jobId: string, revision: number) =>
  initialCheckpoint(toyMachine, { laps: 1_000 }, { at: Date.now(), key: `${jobId}/${revision}`, epoch: null })

async function createJobs(organizations: readonly string[], count: number): Promise<readonly Job[]> {
  const jobs = Array.from({ length: count }, (_, index) => ({
    jobId: randomUUID(),
    organizationId: organizations[index % organizations.length] ?? '',
  }))
  for (const { jobId, organizationId } of jobs) {
    const checkpoint = checkpointOf(jobId, 1)
    const wakeAt = wakeAtOf(checkpoint, Date.now())
    await insertInstance(db, { id: jobId, organizationId, slotId: null, accountId: null, checkpoint, wakeAt })
  }
  return jobs
}

function shuffled<Item>(items: readonly Item[]): readonly Item[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

function transitionOf({ jobId, organizationId }: Job, revision: number, epoch: number | null): Transition {
  const next = checkpointOf(jobId, revision + 1)
  return {
    jobId,
    organizationId,
    expectedRevision: revision,
    epoch,
    from: 'running',
    event: 'note',
    next,
    wakeAt: Date.now(),
    release: false,
  }
}

/** Commits transitions of all its jobs concurrently and repeatedly, as one process does; every 20th releases the lease. */
async function driveAll(
  instanceStore: InstanceStore,
  jobs: readonly Job[],
  leases: Map<string, number>,
  isOver: () => boolean,
): Promise<void> {
  const drive = async (job: Job) => {
    while (!isOver()) {
      const lease = await instanceStore.acquireLease(job.jobId)
      if (lease.kind !== 'acquired') continue
      let { revision } = lease.instance
      const { epoch } = lease.instance
      leases.set(job.jobId, epoch)
      for (let left = 20; left > 0 && !isOver(); left -= 1) {
        const result = await instanceStore.commit({
          ...transitionOf(job, revision, epoch),
          release: left === 1,
        })
        revision =
          result.kind === 'committed'
            ? result.revision
            : ((await instanceStore.reload(job.jobId, epoch))?.revision ?? revision)
      }
    }
  }
  await Promise.all(jobs.map(drive))
}

/** Renews the leases of a process in random order. */
async function renewAll(
  instanceStore: InstanceStore,
  leases: ReadonlyMap<string, number>,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    await instanceStore.renew(shuffled([...leases]).map(([jobId, epoch]) => ({ jobId, epoch })))
    await new Promise(setImmediate)
  }
}

function reserve(on: Db, { jobId, organizationId }: Job): Promise<unknown> {
  return on.transaction().execute(async (tx) => {
    const moment = await openQuotaPeriods(tx, { organizationId, at: Date.now() })
    await debitQuota(tx, moment, {
      into: 'reserved',
      amounts: [{ metric: 'videos', amount: 1 }],
      jobId,
      thresholds: [],
    })
  })
}

/** Performs the step `closeJob`, which needs no other dependencies without a clip. */
function close(on: Db, { jobId, organizationId }: Job): Promise<unknown> {
  const context = { jobId, organizationId, signal: new AbortController().signal } as StepContext
  return closeJob({ db: on } as StepDeps, context, { clip: null, used: true })
}

/** Reserves for a job, closes it and deletes the entries, because a job can reserve only once. */
async function closeAll(on: Db, jobs: readonly Job[], isOver: () => boolean): Promise<void> {
  while (!isOver())
    for (const job of shuffled(jobs)) {
      await reserve(on, job)
      await close(on, job)
      await database.owner.pool.query('delete from reelpilot.quota_entry where job_id = $1', [job.jobId])
      if (isOver()) return
    }
}

/** Commits transitions as commands do, of single jobs and of several in one transaction. */
async function commandAll(on: Db, boss: PgBoss, jobs: readonly Job[], isOver: () => boolean): Promise<void> {
  while (!isOver())
    for (const job of shuffled(jobs)) {
      const { jobId, organizationId } = job
      await on.transaction().execute(async (tx) => {
        const many = await lockJobsInState(tx, organizationId, 'running', { limit: 5 })
        for (const id of many) await transition(tx, boss, { jobId: id, organizationId })
      })
      await on.transaction().execute((tx) => transition(tx, boss, { jobId, organizationId }))
      if (isOver()) return
    }
}

async function transition(tx: Tx, boss: PgBoss, job: Job): Promise<void> {
  const locked = await lockInstance(tx, job.jobId)
  if (!locked) throw new Error('the job is gone')
  await queueWakeUps(boss, [{ ...job, reason: locked.revision + 1 }], tx)
  await commitTransitions(tx, [transitionOf(job, locked.revision, null)])
}

// A short `deadlock_timeout` finds more deadlocks in the same time. Without these plans, rows are read by their ids, as in a
// table that is too large for a sequential scan.
for (const setting of [
  "deadlock_timeout = '20ms'",
  'enable_hashjoin = off',
  'enable_mergejoin = off',
  'enable_seqscan = off',
])
  await database.owner.pool.query(
    `do $$ begin execute format('alter database %I set ', current_database()) || $set$${setting}$set$; end $$`,
  )

const eachMs = inForm(2_000, 5_000)

it('concurrent commits, lease renewals, closings and commands never deadlock', async () => {
  const stress = connect(database.url, 'reelpilot_runtime', {
    max: 30,
    name: 'stress',
    onError: () => undefined,
  })
  const organizations = [await createOrganization(database), await createOrganization(database)]
  await db.transaction().execute(async (tx) => {
    for (const id of organizations) await grantQuota(tx, id, { metric: 'videos', amount: 1_000_000 }, 'test')
  })
  const jobs = await createJobs(organizations, 60)
  const toy = await createToyProcess(database, { supervises: false })
  const deadlocks: string[] = []
  const counted = async (isOver: () => boolean, work: () => Promise<void>): Promise<void> => {
    while (!isOver())
      await work().catch((error: Error & { code?: string; detail?: string; where?: string }) => {
        if (error.code !== '40P01') throw error
        deadlocks.push(`${error.detail} ${error.where}`)
      })
  }
  const ofProcess = (index: number) => jobs.filter((_, at) => at % 2 === index)
  const drives = (isOver: () => boolean) =>
    [0, 1].flatMap((index) => {
      const leases = new Map<string, number>()
      const instanceStore = createInstanceStore({
        db: stress.db,
        boss: toy.boss,
        clock: createDatabaseClock(),
        owner: `${index}`,
        onCommitted: () => undefined,
      })
      return [
        counted(isOver, () => driveAll(instanceStore, ofProcess(index), leases, isOver)),
        counted(isOver, () => renewAll(instanceStore, leases, isOver)),
      ]
    })
  const during = (ms: number) => {
    const end = performance.now() + ms
    return () => performance.now() > end
  }
  await Promise.all(drives(during(eachMs)))
  const together = during(eachMs)
  await Promise.all([
    ...drives(together),
    counted(together, () => closeAll(stress.db, ofProcess(0), together)),
    counted(together, () => commandAll(stress.db, toy.boss, jobs, together)),
  ])
  await toy.stop()
  // A failed batch is committed again one by one, without an error. Postgres counts its deadlocks when a connection is closed.
  await stress.close()
  const { rows } = await database.owner.pool.query(
    'select deadlocks::int from pg_stat_database where datname = current_database()',
  )
  expect({ deadlocks, counted: rows }).toEqual({ deadlocks: [], counted: [{ deadlocks: 0 }] })
}, 300_000)

/** Waits until a transaction waits for a lock, or the work is done. */
async function untilWaiting(work: Promise<unknown>): Promise<void> {
  let isOver = false
  const end = () => {
    isOver = true
  }
  work.then(end, end)
  await waitUntil(
    async () => {
      const { rows } = await database.owner.pool.query(
        `select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return isOver || rows[0]?.waiting > 0
    },
    (found) => found,
  )
}

it('a job can be closed while a command changes it', async () => {
  const organizationId = await createOrganization(database)
  const amount = { metric: 'videos', amount: 5 } as const
  await db.transaction().execute((tx) => grantQuota(tx, organizationId, amount, 'test'))
  const [job] = await createJobs([organizationId], 1)
  if (!job) throw new Error('there is no job')
  await reserve(db, job)
  const both = db.transaction().execute(async (tx) => {
    const locked = await lockInstance(tx, job.jobId)
    const closing = close(db, job)
    await untilWaiting(closing)
    await commitTransitions(tx, [transitionOf(job, locked?.revision ?? 0, null)])
    return [closing]
  })
  await Promise.all(await both)
})

async function createPlanWithSlot(organizationId: string, inSeconds: number): Promise<string> {
  const [account] = await createJobs([organizationId], 1)
  const accountId = account?.jobId ?? ''
  await db
    .insertInto('account')
    .values({ id: accountId, organization_id: organizationId, scopes: [] })
    .execute()
  const planId = randomUUID()
  await sql`insert into plan (id, organization_id, account_id, name, time_zone, state, revision)
            values (${planId}, ${organizationId}, ${accountId}, 'Plan', 'UTC', 'inReview', 1)`.execute(db)
  await sql`
    insert into slot (id, organization_id, plan_id, wall_time, publish_at, storyboard, caption, privacy)
    values (${randomUUID()}, ${organizationId}, ${planId}, '2030-01-01T00:00:00',
            now() + make_interval(secs => ${inSeconds}), '{}', '', 'SELF_ONLY')`.execute(db)
  return planId
}

it('a plan can be approved and scanned while another scan runs', async () => {
  const organizationId = await createOrganization(database)
  await createPlanWithSlot(organizationId, 60)
  const planId = await createPlanWithSlot(organizationId, 120)
  const due = { from: new Date(0), to: new Date(Date.now() + 3_600_000) }
  const both = db.transaction().execute(async (tx) => {
    await approveSlots(tx, organizationId, planId)
    const scanning = db.transaction().execute((other) => lockDueSlots(other, organizationId, due))
    await untilWaiting(scanning)
    expect(await lockDueSlots(tx, organizationId, due)).toHaveLength(2)
    return [scanning]
  })
  await Promise.all(await both)
})
