import { beforeAll, describe, expect, it } from 'vitest'
import { jobMachine } from '../../../src/definitions/machines.ts'
import { diagramOf } from '../../../src/durable/diagram.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { createDraft, createTenant, createTestApi, mutate, type Tenant, type TestApi } from '../support.ts'

let database: TestDatabase
let api: TestApi
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  api = await createTestApi(database, { apiBucket: { capacity: 100_000, refillPerSecond: 1 } })
  tenant = await createTenant(database, api)
})

/** Slots of an approved plan, whose jobs are started by hand. */
async function createSlots(of: Tenant, count: number): Promise<readonly string[]> {
  const { planId, slotIds } = await createDraft(
    of,
    Array.from({ length: count }, () => 60),
  )
  await mutate(of, 'submitPlanForReview', { planId })
  await mutate(of, 'approvePlan', { planId })
  return slotIds
}

const mutation = `mutation ($input: StartJobInput!) { startJob(input: $input) { __typename
  ... on StartJobPayload { job { id jobKey } } ... on Error { code } ... on JobKeyInUseError { jobId }
  ... on InvalidInputError { fields { path } } } }`
const start = async (slotId: string | undefined, more: object = {}, of = tenant) =>
  (await of.request(mutation, { input: { slotId, ...more } })).startJob
const jobsOf = async ({ organizationId }: Tenant) =>
  (
    await database.owner.pool.query(
      `select id, job_key from reelpilot.machine_instance where organization_id = $1 and slot_id is not null order by id`,
      [organizationId],
    )
  ).rows

describe('a slot', () => {
  it('gets one job from many concurrent starts, and each start returns it', async () => {
    const own = await createTenant(database, api)
    const [slotId] = await createSlots(own, 1)
    const answers = await Promise.all(Array.from({ length: 20 }, () => start(slotId, {}, own)))
    expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1)
    expect(await jobsOf(own)).toHaveLength(1)
  })

  it('gets no second job after the idempotency key of the first start has expired', async () => {
    const [slotId] = await createSlots(tenant, 1)
    const first = await start(slotId, { idempotencyKey: 'slot' })
    await database.owner.pool.query('delete from reelpilot.idempotency_key')
    expect(await start(slotId, { idempotencyKey: 'slot' })).toEqual(first)
  })
})

describe('a job key', () => {
  it('has one unfinished job when many slots are started with it at the same time', async () => {
    const own = await createTenant(database, api)
    const slotIds = await createSlots(own, 12)
    const answers = await Promise.all(slotIds.map((slotId) => start(slotId, { jobKey: 'promo' }, own)))
    const started = answers.filter(({ __typename }) => __typename === 'StartJobPayload')
    expect(started).toHaveLength(1)
    const refused = { __typename: 'JobKeyInUseError', code: 'JOB_KEY_IN_USE', jobId: started[0].job.id }
    expect(answers.filter((answer) => answer !== started[0])).toEqual(Array(11).fill(refused))
    expect(await jobsOf(own)).toMatchObject([{ job_key: 'promo' }])
    // The reservations of the refused starts were rolled back.
    const { quotas, quotaAudit } = await own.request('{ quotas { metric reserved } quotaAudit { message } }')
    expect(quotas).toContainEqual({ metric: 'VIDEOS', reserved: 1 })
    expect(quotaAudit).toEqual([])
  })

  it('returns its own job when that is started again, and is unique per organization', async () => {
    const [slotId] = await createSlots(tenant, 1)
    const first = await start(slotId, { jobKey: 'mine' })
    expect(first.job.jobKey).toBe('mine')
    expect(await start(slotId, { jobKey: 'mine' })).toEqual(first)
    expect(await start(slotId, { jobKey: 'another' })).toEqual(first)

    const other = await createTenant(database, api)
    const [foreignSlotId] = await createSlots(other, 1)
    expect(await start(foreignSlotId, { jobKey: 'mine' }, other)).toMatchObject({
      __typename: 'StartJobPayload',
    })
  })

  it('can be used again after its job was cancelled', async () => {
    const [one, two] = await createSlots(tenant, 2)
    const { job } = await start(one, { jobKey: 'again' })
    expect((await start(two, { jobKey: 'again' })).jobId).toBe(job.id)
    await database.owner.pool.query(
      `update reelpilot.machine_instance set state = 'cancelled', tag = 'final', step = null, wake_at = null where job_key = 'again'`,
    )
    const second = await start(two, { jobKey: 'again' })
    expect(second).toMatchObject({ __typename: 'StartJobPayload' })
    expect(second.job.id).not.toBe(job.id)
  })

  const tagOf: Readonly<Record<string, string>> = {
    ...{ cancelled: 'final', failed: 'final' },
    ...{ published: 'settled', delivered: 'settled', takenDown: 'settled' },
  }

  it('is unique by a database constraint in every state of an unfinished job', async () => {
    const [one, two] = await createSlots(tenant, 2)
    await start(one, { jobKey: 'held' })
    const { job } = await start(two)
    const id = Buffer.from(job.id, 'base64url').toString().split(':')[1]
    const isFree = async (state: string) => {
      const client = await database.owner.pool.connect()
      try {
        await client.query('begin')
        const tag = tagOf[state] ?? 'resting'
        await client.query(
          `update reelpilot.machine_instance set state = $1, tag = $2, step = null, wake_at = null where job_key = 'held'`,
          [state, tag],
        )
        return await client
          .query(`update reelpilot.machine_instance set job_key = 'held' where id = $1`, [id])
          .then(
            () => true,
            ({ constraint }) => {
              expect(constraint).toBe('machine_instance_job_key')
              return false
            },
          )
      } finally {
        await client.query('rollback')
        client.release()
      }
    }
    // The states that a row can have. The machine passes through the others without a commit.
    const states = diagramOf(jobMachine).states.flatMap(({ path, tag }) => (tag === '' ? [] : [path]))
    const free: string[] = []
    for (const state of states) if (await isFree(state)) free.push(state)
    expect(free.toSorted()).toEqual(['cancelled', 'delivered', 'failed', 'published', 'takenDown'])
    expect(states.length).toBeGreaterThan(20)
    // These states are final, so a job never needs a key again that another job has taken.
    const back = diagramOf(jobMachine).transitions.filter(
      ({ from, to }) => free.includes(from) && !free.includes(to),
    )
    expect(back).toEqual([])
  })

  it.each([
    ['none', ''],
    ['256', 'k'.repeat(256)],
    ['a NUL among its', 'a\0'],
  ])('of %s characters is refused by name', async (_what, jobKey) => {
    const [slotId] = await createSlots(tenant, 1)
    const before = await jobsOf(tenant)
    expect(await start(slotId, { jobKey })).toMatchObject({
      code: 'INVALID_INPUT',
      fields: [{ path: 'jobKey' }],
    })
    expect(await jobsOf(tenant)).toEqual(before)
  })
})
