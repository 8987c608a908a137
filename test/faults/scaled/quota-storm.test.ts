import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as later } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { closeJob } from '../../../src/steps/close-job.ts'
import type { StepDeps } from '../../../src/steps/step-deps.ts'
import { grantQuota } from '../../../src/store/quota/adjustments.ts'
import { auditQuota } from '../../../src/store/quota/audit.ts'
import { createAccount } from '../../support/account.ts'
import { createOrganization, createTestDatabase } from '../../support/database.ts'
import { shortStoryboard } from '../../support/worker-fixture.ts'
import { inForm } from './form.ts'
import type { CreatorSettings } from './quota-creator.ts'

const database = await createTestDatabase()
const { db } = database.runtime

const processes = 4
const { requested, granted } = inForm({ requested: 240, granted: 40 }, { requested: 1_000, granted: 100 })
/** For the second test: the slots, the granted jobs, and the kills of creating processes. */
const makers = inForm({ slots: 40, granted: 30, kills: 4 }, { slots: 120, granted: 80, kills: 8 })

it('four processes that start more jobs than the quota permits start exactly the granted number', async () => {
  const { organizationId, slotIds } = await createSlots(requested)
  await grant(organizationId, { videos: granted, seconds: 10_000 })
  const audit = auditContinuously(organizationId)
  const share = slotIds.length / processes
  const answers = await Promise.all(
    Array.from(
      { length: processes },
      (_, index) => startCreator(organizationId, slotIds.slice(index * share, (index + 1) * share)).answers,
    ),
  )
  const snapshots = await audit.stop()

  const all = answers.flat()
  expect(all).toHaveLength(requested)
  expect(all.filter(({ kind }) => kind === 'started')).toHaveLength(granted)
  const refusals = all.filter(({ kind }) => kind === 'quotaShort')
  expect(refusals).toHaveLength(requested - granted)
  const refusal = { metric: 'videos', period: 'total', available: 0, needed: 1, nextAvailableAt: null }
  for (const each of refusals) expect(each).toEqual({ kind: 'quotaShort', ...refusal })

  expect(await jobsOf(organizationId)).toHaveLength(granted)
  expect(await readBalances(organizationId)).toMatchObject({
    videos: { granted, available: 0, reserved: granted, used: 0 },
    seconds: { granted: 10_000, available: 10_000 - 3 * granted, reserved: 3 * granted, used: 0 },
    uploads: { reserved: granted, used: 0 },
  })
  expect(await auditQuota(db, organizationId)).toEqual([])
  expect(await thresholdsOf(organizationId)).toEqual([50, 80, 100])
  expect(snapshots).toBeGreaterThan(10)
}, 480_000)

it('quota usage equals the started jobs although the starting processes are killed', async () => {
  const { organizationId, slotIds } = await createSlots(makers.slots)
  await grant(organizationId, { videos: makers.granted, seconds: 10_000 })
  const audit = auditContinuously(organizationId)
  await killAndRestart(organizationId, slotIds, makers.kills)
  const jobs = await jobsOf(organizationId)
  expect(jobs).toHaveLength(makers.granted)

  // As if all were rendered and sent. Each is closed twice, by two workers concurrently.
  await database.runtime.pool.query(
    `update reelpilot.machine_instance set context = context || '{"sentAt": 1}' where organization_id = $1`,
    [organizationId],
  )
  const close = (jobId: string) =>
    closeJob(closing, contextOf(organizationId, jobId), { clip: null, used: true })
  await Promise.all(jobs.flatMap(({ id }) => [close(id), close(id)]))
  expect(await audit.stop()).toBeGreaterThan(10)
  expect(await readBalances(organizationId)).toMatchObject({
    videos: { granted: makers.granted, available: 0, reserved: 0, used: makers.granted },
    seconds: {
      granted: 10_000,
      available: 10_000 - 3 * makers.granted,
      reserved: 0,
      used: 3 * makers.granted,
    },
    uploads: { reserved: 0, used: makers.granted },
  })
  expect(await auditQuota(db, organizationId)).toEqual([])
}, 480_000)

/** An approved plan with slots without jobs. */
async function createSlots(count: number) {
  const organizationId = await createOrganization(database, 'Storm')
  const accountId = await createAccount(database, organizationId, [])
  const planId = randomUUID()
  const plan = { id: planId, organization_id: organizationId, account_id: accountId, name: 'Storm' }
  await db
    .insertInto('plan')
    .values({ ...plan, time_zone: 'UTC', state: 'approved', revision: 1 })
    .execute()
  const publishAt = new Date(Date.now() + 3_600_000)
  const slots = Array.from({ length: count }, () => ({
    id: randomUUID(),
    organization_id: organizationId,
    plan_id: planId,
    wall_time: publishAt.toISOString().slice(0, 19),
    publish_at: publishAt,
    storyboard: JSON.stringify(shortStoryboard),
    caption: 'Storm',
    privacy: 'SELF_ONLY' as const,
  }))
  await db.insertInto('slot').values(slots).execute()
  return { organizationId, slotIds: slots.map(({ id }) => id) }
}

async function grant(organizationId: string, amounts: { readonly videos: number; readonly seconds: number }) {
  await grantQuota(db, organizationId, { metric: 'videos', amount: amounts.videos }, 'storm')
  await grantQuota(db, organizationId, { metric: 'seconds', amount: amounts.seconds }, 'storm')
}

interface Answer {
  readonly kind: string
}

/** Starts a process that creates the jobs of these slots; `answers` are its output. */
function startCreator(
  organizationId: string,
  slotIds: readonly string[],
): { readonly child: ChildProcess; readonly answers: Promise<readonly Answer[]> } {
  const settings: CreatorSettings = { databaseUrl: database.url, organizationId, slotIds, connections: 8 }
  const file = fileURLToPath(new URL('./quota-creator.ts', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const answers: Answer[] = []
  createInterface({ input: child.stdout }).on('line', (line) => answers.push(JSON.parse(line)))
  return { child, answers: once(child, 'close').then(() => answers) }
}

/** Runs processes that start all slots in random order. The first `kills` of them are killed, the others run to their end. */
async function killAndRestart(
  organizationId: string,
  slotIds: readonly string[],
  kills: number,
): Promise<void> {
  let left = kills
  let killed = 0
  const keepCreating = async () => {
    for (;;) {
      const { child, answers } = startCreator(
        organizationId,
        slotIds.toSorted(() => Math.random() - 0.5),
      )
      const isToDie = left > 0
      if (isToDie) {
        left -= 1
        // After its first results all of its connections have a start in progress.
        let seen = 0
        const dieAfter = 1 + Math.floor(Math.random() * 10)
        child.stdout?.on('data', () => {
          seen += 1
          if (seen === dieAfter) child.kill('SIGKILL')
        })
      }
      await answers
      if (child.signalCode === 'SIGKILL') killed += 1
      if (!isToDie) return
    }
  }
  await Promise.all(Array.from({ length: processes }, keepCreating))
  expect(killed).toBe(kills)
}

const closing = { db, videos: {} } as unknown as StepDeps // A job without a clip needs no other dependencies.
const contextOf = (organizationId: string, jobId: string) => ({
  organizationId,
  jobId,
  key: jobId,
  mayHaveBegun: false,
  fence: async () => undefined,
  signal: AbortSignal.timeout(120_000),
  now: () => Date.now(),
})

/** Reads the balances repeatedly: granted = available + reserved + used in every snapshot. */
function auditContinuously(organizationId: string): { stop(): Promise<number> } {
  let isOver = false
  const auditing = (async () => {
    let snapshots = 0
    while (!isOver) {
      const balances = Object.values(await readBalances(organizationId))
      for (const { granted, available, reserved, used } of balances)
        expect(granted).toBe(available + reserved + used)
      expect(await auditQuota(db, organizationId)).toEqual([])
      snapshots += 1
      await later(10)
    }
    return snapshots
  })()
  return {
    stop() {
      isOver = true
      return auditing
    },
  }
}

async function readBalances(organizationId: string) {
  const rows = await db
    .selectFrom('quota')
    .select(['metric', 'granted', 'available', 'reserved', 'used'])
    .where('organization_id', '=', organizationId)
    .execute()
  return Object.fromEntries(rows.map(({ metric, ...sums }) => [metric, sums]))
}

function jobsOf(organizationId: string) {
  return db
    .selectFrom('machine_instance')
    .select('id')
    .where('organization_id', '=', organizationId)
    .where('machine', '=', 'job')
    .execute()
}

async function thresholdsOf(organizationId: string): Promise<readonly unknown[]> {
  const events = await db
    .selectFrom('event')
    .select('payload')
    .where('organization_id', '=', organizationId)
    .where('type', '=', 'quota.thresholdReached')
    .orderBy('sequence')
    .execute()
  return events.map(({ payload }) => ('percent' in payload ? payload.percent : null))
}
