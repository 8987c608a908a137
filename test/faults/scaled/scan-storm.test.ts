import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { chunkSize, scanInChunks } from '../../../src/commands/plan/scan.ts'
import { grantQuota } from '../../../src/store/quota/adjustments.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { createDueSlots } from '../../support/due-slots.ts'
import { createToyProcess, startToyJob } from '../../support/toy-runtime.ts'
import { inForm } from './form.ts'
import type { ScannerSettings } from './scanner.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const deps = await createCommandDeps(database)

const processes = 4
const scannersEach = 5
const slots = inForm(10 * chunkSize, 25 * chunkSize)
/** Fewer than the slots: the earliest are served. */
const videos = slots - 150

it('twenty scanners, after one was killed in the middle of a chunk, start one job a slot and keep the ledger', async () => {
  const [organizationId, other] = [await createReady(slots, videos), await createReady(3, 3)]
  const killed = startScanner({ organizationId, scanners: 1, hangsInChunk: 2 })
  await killed.untilHanging
  // The second chunk is written and not committed.
  expect(await countJobs(organizationId)).toBe(chunkSize)
  await expectToBeServed(other, organizationId)
  killed.child.kill('SIGKILL')
  await killed.closed

  const scanners = Array.from({ length: processes }, () =>
    startScanner({ organizationId, scanners: scannersEach, hangsInChunk: 0 }),
  )
  const results = (await Promise.all(scanners.map(({ closed }) => closed))).flat()
  expect(results).toHaveLength(processes * scannersEach)
  const started = results.reduce((sum, { startedJobs }) => sum + startedJobs, 0)
  expect(started).toBe(videos - chunkSize)
  await expectOneJobASlot(organizationId)
  expect(await auditQuota(db, organizationId)).toEqual([])
}, 300_000)

async function createReady(due: number, quota: number) {
  const organizationId = await createOrganization(database)
  await grantQuota(db, organizationId, { metric: 'videos', amount: quota }, null)
  await grantQuota(db, organizationId, { metric: 'seconds', amount: 10 * due }, null)
  await createDueSlots(database.runtime, organizationId, due)
  return organizationId
}

/** While a chunk of `scanned` is open, another organization scans and commits; its own workers commit too. */
async function expectToBeServed(other: string, scanned: string): Promise<void> {
  const { boss, runtime, stop } = await createToyProcess(database, { supervises: false })
  const commit = async (organizationId: string) => {
    const jobId = await startToyJob(database, boss, organizationId)
    const lease = await runtime.instanceStore.acquireLease(jobId)
    if (lease.kind !== 'acquired') throw new Error(lease.kind)
    const { revision, epoch, checkpoint } = lease.instance
    const next = { ...checkpoint, step: checkpoint.step && { ...checkpoint.step, key: `${jobId}/2`, epoch } }
    const transition = { from: checkpoint.state, event: 'note', next, wakeAt: Date.now(), release: false }
    return await runtime.instanceStore.commit({
      jobId,
      organizationId,
      expectedRevision: revision,
      epoch,
      ...transition,
    })
  }
  const committed = await Promise.all([other, scanned, other].map(commit))
  expect(committed.map(({ kind }) => kind)).toEqual(['committed', 'committed', 'committed'])
  const scan = { organizationId: other, reason: 'hourly' } as const
  expect(await scanInChunks(db, deps, { send: () => undefined }, scan)).toMatchObject({ startedJobs: 3 })
  await stop()
}

async function countJobs(organizationId: string): Promise<number> {
  const { rows } = await sql<{ jobs: number }>`
    select count(*)::int as jobs from machine_instance
     where organization_id = ${organizationId} and slot_id is not null`.execute(db)
  return rows[0]?.jobs ?? 0
}

async function expectOneJobASlot(organizationId: string): Promise<void> {
  const { rows } = await sql<Record<string, number | boolean>>`
    select count(job.id)::int as jobs, count(distinct job.slot_id)::int as slots,
           (select count(*)::int from slot where organization_id = ${organizationId} and claimed_at is not null) as claimed,
           (select count(*)::int from event where organization_id = ${organizationId} and type = 'quota.reserved') as reserved,
           (select count(*)::int from scan_decision
             where organization_id = ${organizationId} and decision = 'ENQUEUED') as decisions,
           (select sum(started_jobs)::int from scan where organization_id = ${organizationId}) as "startedJobs",
           (select count(*) = max(sequence) from event where organization_id = ${organizationId}) as "isGapless",
           (select max(publish_at) filter (where claimed_at is not null) < min(publish_at) filter (where claimed_at is null)
              from slot where organization_id = ${organizationId}) as "isEarliest"
      from machine_instance job where organization_id = ${organizationId} and slot_id is not null`.execute(db)
  expect(rows[0]).toEqual({
    jobs: videos,
    slots: videos,
    claimed: videos,
    reserved: videos,
    decisions: videos,
    startedJobs: videos,
    isGapless: true,
    isEarliest: true,
  })
  const { rows: wakeUps } = await database.owner.pool.query(
    `select count(*)::int as all, count(distinct data->>'jobId')::int as jobs from reelpilot_queue.job
      where name = 'job-wake' and group_id = $1 and data->>'jobId' in (
        select id::text from reelpilot.machine_instance where slot_id is not null)`,
    [organizationId],
  )
  expect(wakeUps[0]).toEqual({ all: videos, jobs: videos })
}

function startScanner(settings: Omit<ScannerSettings, 'databaseUrl'>) {
  const file = fileURLToPath(new URL('./scanner.ts', import.meta.url))
  const argument = JSON.stringify({ databaseUrl: database.url, ...settings })
  const child = spawn(process.execPath, [file, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  const results: { readonly startedJobs: number }[] = []
  const lines = createInterface({ input: child.stdout })
  const untilHanging = new Promise<void>((resolve) => {
    lines.on('line', (line) => (line === 'hanging' ? resolve() : void results.push(JSON.parse(line))))
  })
  return { child, untilHanging, closed: once(child, 'close').then(() => results) }
}
