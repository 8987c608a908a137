import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'
import { resolveOutdatedSlots } from '../../../src/commands/plan/resolve-slots.ts'
import { bundledTimeZones, instantOf, type TimeZoneData } from '../../../src/commands/plan/wall-time.ts'
import { jobMachine } from '../../../src/definitions/machines.ts'
import { nextTimer, wakeAtOf } from '../../../src/durable/checkpoint.ts'
import { decide, doneEvent, initialCheckpoint } from '../../../src/durable/decide.ts'
import { queues } from '../../../src/queue/queue-settings.ts'
import type { ChangeNotification } from '../../../src/store/event/notify.ts'
import { insertInstance, lockInstance } from '../../../src/store/job/jobs.ts'
import { createTenant, createTestApi, mutate, slotInput, type Tenant } from '../../graphql/support.ts'
import { roleStarter } from '../../queue/support.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'

const database = await createTestDatabase()
const { db } = database.runtime
const deps = await createCommandDeps(database)
const api = await createTestApi(database)
const startRole = roleStarter(database)
let tenant: Tenant

beforeEach(async () => {
  tenant = await createTenant(database, api)
})

/** Next January: British Columbia is at UTC-8 in the older data, and at UTC-7 in the newer. */
const wallTime = `${new Date().getUTCFullYear() + 1}-01-15T09:00:00`
const [older, newer] = [dataOf('2025b', '-08:00'), dataOf('2026c', '-07:00')]

/** Time zone data in which Vancouver has one offset all year; the other zones are unchanged. */
function dataOf(version: string, offset: string): TimeZoneData {
  return {
    version,
    instantOf: (written, zone) => {
      const meaning = instantOf(written, zone)
      if (meaning.kind === 'invalid' || zone !== 'America/Vancouver') return meaning
      return { ...meaning, at: new Date(`${written}${offset}`), tzdataVersion: version }
    },
  }
}

/** A plan with slots at a wall time, as written by a process with this data. */
async function planWith(
  data: TimeZoneData,
  { timeZone = 'America/Vancouver', slots = 1, state = 'draft', at = wallTime, claimed = false } = {},
): Promise<{ readonly planId: string; readonly slotIds: readonly string[] }> {
  const { organizationId, accountId } = tenant
  const planId = randomUUID()
  await sql`insert into plan (id, organization_id, account_id, name, time_zone, state, revision)
            values (${planId}, ${organizationId}, ${accountId}, 'Plan', ${timeZone}, ${state}, 1)`.execute(db)
  const slotIds = Array.from({ length: slots }, () => randomUUID())
  const meaning = data.instantOf(at, timeZone)
  if (meaning.kind === 'invalid') throw new Error(meaning.message)
  for (const id of slotIds)
    await sql`
      insert into slot (id, organization_id, plan_id, wall_time, publish_at, tzdata_version, storyboard, caption, privacy, claimed_at)
      values (${id}, ${organizationId}, ${planId}, ${at}, ${meaning.at}, ${data.version}, '{}', '', 'SELF_ONLY', ${claimed ? new Date() : null})`.execute(
      db,
    )
  return { planId, slotIds }
}

/** A job whose video is stored and which waits for its slot, or has passed it at `now`. */
async function insertWaitingJob(slotId: string, publishAt: number, now = Date.now()): Promise<string> {
  const { organizationId, accountId } = tenant
  const id = randomUUID()
  const facts = { at: now, key: `${id}/1`, epoch: null }
  let checkpoint = initialCheckpoint(jobMachine, { slotId, accountId, publishAt }, facts)
  const [clip, kept] = [{ v: 1 }, { sha256: 'a', bytes: 1 }]
  const media = { ...kept, seconds: 5, width: 1080, height: 1920 }
  const first = { scenes: 1, seconds: 5 }
  for (const output of [first, null, { clip }, { kind: 'ready' }, { kept }, { media }, null]) {
    const decision = decide(jobMachine, checkpoint, doneEvent(checkpoint.step?.id ?? '', output), facts)
    if (decision.kind === 'refused') throw new Error(`${decision.event} was refused in ${decision.state}`)
    checkpoint = decision.checkpoint
  }
  const timer = nextTimer(checkpoint)
  if (timer && timer.dueAt <= now) {
    const decision = decide(jobMachine, checkpoint, timer.event, facts)
    if (decision.kind === 'moved') checkpoint = decision.checkpoint
  }
  await insertInstance(db, {
    id,
    organizationId,
    slotId,
    accountId,
    checkpoint,
    wakeAt: wakeAtOf(checkpoint, now),
  })
  return id
}

async function slotOf(id = '') {
  return await db
    .selectFrom('slot')
    .select(['publish_at', 'tzdata_version', 'wall_time'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

async function eventsOf(slotId = '') {
  const events = await db.selectFrom('event').selectAll().where('slot_id', '=', slotId).execute()
  return events.filter(({ type }) => type === 'slot.rescheduled')
}

/** Resolves outdated slots; returns the notified organizations too. */
async function resolve(zones: TimeZoneData) {
  const sent: ChangeNotification[] = []
  const result = await resolveOutdatedSlots(db, deps, { send: (each) => void sent.push(each) }, zones)
  return { ...result, organizations: [...new Set(sent.flatMap(({ organizations }) => organizations))] }
}

const hour = 3_600_000

describe('slots under new time zone data', () => {
  it('keep their wall time, move to its new instant, and append an event', async () => {
    const { planId, slotIds } = await planWith(older)
    const [slotId] = slotIds
    const before = await slotOf(slotId)
    expect(await resolve(newer)).toEqual({
      resolved: 1,
      rescheduled: 1,
      organizations: [tenant.organizationId],
      transitionedJobs: [],
    })
    const after = await slotOf(slotId)
    expect(before.publish_at.getTime() - after.publish_at.getTime()).toBe(hour)
    expect(after).toMatchObject({ wall_time: wallTime, tzdata_version: '2026c' })
    expect(await eventsOf(slotId)).toMatchObject([
      {
        plan_id: planId,
        payload: {
          wallTime,
          timeZone: 'America/Vancouver',
          from: { publishAt: before.publish_at.toISOString(), tzdataVersion: '2025b' },
          to: { publishAt: after.publish_at.toISOString(), tzdataVersion: '2026c' },
        },
      },
    ])
    expect(await resolve(newer)).toMatchObject({ resolved: 0 })
  })

  it('keep their instant if their zone has not changed, without an event', async () => {
    const { slotIds } = await planWith(older, { timeZone: 'Europe/Berlin' })
    const before = await slotOf(slotIds[0])
    expect(await resolve(newer)).toMatchObject({
      resolved: 1,
      rescheduled: 0,
      organizations: [],
    })
    expect(await slotOf(slotIds[0])).toEqual({ ...before, tzdata_version: '2026c' })
    expect(await eventsOf(slotIds[0])).toEqual([])
  })

  it('are not changed by a process with older data', async () => {
    const { slotIds } = await planWith(newer)
    const before = await slotOf(slotIds[0])
    expect(await resolve(older)).toMatchObject({ resolved: 0 })
    expect(await slotOf(slotIds[0])).toEqual(before)
  })

  it('are resolved again if the version of their data is unknown', async () => {
    const { slotIds } = await planWith({ ...older, version: '' })
    expect(await resolve(newer)).toMatchObject({ resolved: 1, rescheduled: 1 })
    expect(await eventsOf(slotIds[0])).toHaveLength(1)
  })

  it('are all moved if they fill more than one batch', async () => {
    const { slotIds } = await planWith(older, { slots: 250 })
    expect(await resolve(newer)).toMatchObject({ resolved: 250, rescheduled: 250 })
    expect(await eventsOf(slotIds[249])).toHaveLength(1)
  })

  it('of the distant past or of an archived plan are unchanged', async () => {
    await planWith(older, { at: '2020-01-15T09:00:00' })
    await planWith(older, { state: 'archived' })
    expect(await resolve(newer)).toMatchObject({ resolved: 0 })
  })

  it('move their jobs too, which wait for the new instant', async () => {
    const { slotIds } = await planWith(older, { claimed: true })
    const [slotId = ''] = slotIds
    const before = await slotOf(slotId)
    const jobId = await insertWaitingJob(slotId, before.publish_at.getTime())
    expect(await resolve(newer)).toMatchObject({
      rescheduled: 1,
      transitionedJobs: [jobId],
    })
    const after = (await slotOf(slotId)).publish_at.getTime()
    expect(after).toBe(before.publish_at.getTime() - hour)
    const job = await lockInstance(db, jobId)
    expect(job?.checkpoint).toMatchObject({ state: 'awaitingSlot', context: { publishAt: after } })
    expect(Object.values(job?.checkpoint.timers ?? {}).map(({ dueAt }) => dueAt)).toEqual([after])
    const { wake_at } = await db
      .selectFrom('machine_instance')
      .select('wake_at')
      .where('id', '=', jobId)
      .executeTakeFirstOrThrow()
    expect(wake_at?.getTime()).toBe(after)
    expect(await eventsOf(slotId)).toHaveLength(1)
  })

  it('whose job has begun to post or has ended keep their instant', async () => {
    const { slotIds } = await planWith(older, { claimed: true, slots: 2 })
    const [posting = '', over = ''] = slotIds
    const before = await slotOf(posting)
    const publishAt = before.publish_at.getTime()
    const jobId = await insertWaitingJob(posting, publishAt, publishAt)
    expect((await lockInstance(db, jobId))?.checkpoint.state).toBe('publishing.preparing')
    expect(await resolve(newer)).toMatchObject({
      resolved: 2,
      rescheduled: 0,
      transitionedJobs: [],
    })
    for (const id of [posting, over])
      expect(await slotOf(id)).toMatchObject({ publish_at: before.publish_at, tzdata_version: '2026c' })
    expect((await lockInstance(db, jobId))?.checkpoint.context.publishAt).toBe(publishAt)
  })

  it('whose job was cancelled are moved, because they can be started again', async () => {
    const { slotIds } = await planWith(older, { claimed: true })
    const [slotId = ''] = slotIds
    const before = await slotOf(slotId)
    const jobId = await insertWaitingJob(slotId, before.publish_at.getTime())
    await sql`update machine_instance set state = 'cancelled', tag = 'final', wake_at = null, timers = '{}' where id = ${jobId}`.execute(
      db,
    )
    expect(await resolve(newer)).toMatchObject({
      resolved: 1,
      rescheduled: 1,
      transitionedJobs: [],
    })
    expect(before.publish_at.getTime() - (await slotOf(slotId)).publish_at.getTime()).toBe(hour)
  })

  it('are moved by a worker when it starts, and every hour', async () => {
    const first = await planWith(older)
    await startRole({ concurrency: 0, zones: newer })
    expect(await eventsOf(first.slotIds[0])).toHaveLength(1)
    const second = await planWith(older) // As if a process of the previous version were still running.
    await deps.boss.insert(queues.scan, [{ data: {} }])
    await waitUntil(
      () => eventsOf(second.slotIds[0]),
      (seen) => seen.length === 1,
    )
  })

  it('store the version of their data whenever their instant is written', async () => {
    const { createPlan } = await tenant.request(
      `mutation ($input: CreatePlanInput!) { createPlan(input: $input) { ... on CreatePlanPayload { plan { id } } } }`,
      { input: { accountId: tenant.ids.account, name: 'Plan', timeZone: 'UTC' } },
    )
    const planId = createPlan.plan.id
    const added = await mutate(tenant, 'addSlots', { planId, slots: [slotInput()] }, 'slots { id }')
    const [{ id: slotId }] = added.slots
    const rowId = Buffer.from(slotId, 'base64url').toString().slice('Slot:'.length)
    const noted = async () => (await slotOf(rowId)).tzdata_version
    const forget = () => sql`update slot set tzdata_version = '' where id = ${rowId}`.execute(db)
    expect(await noted()).toBe(bundledTimeZones.version)
    await forget()
    await mutate(tenant, 'updateSlot', { slotId, ...slotInput(90) }, 'slot { id }')
    expect(await noted()).toBe(bundledTimeZones.version)
    await forget()
    await mutate(tenant, 'updatePlan', { planId, timeZone: 'America/New_York' }, 'plan { id }')
    expect(await noted()).toBe(bundledTimeZones.version)
  })
})
