import { beforeAll, expect, it } from 'vitest'
import {
  createDraft,
  createTenant,
  createTestApi,
  mutate,
  slotInput,
  type Tenant,
} from '../../graphql/support.ts'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'

let database: TestDatabase
let tenant: Tenant

beforeAll(async () => {
  database = await createTestDatabase()
  tenant = await createTenant(database, await createTestApi(database))
})

it('concurrent approvals, scans and edits of plans all succeed and start one job per slot', async () => {
  const minutes = Array.from({ length: 12 }, (_, index) => 30 + index)
  const plans = await Promise.all(Array.from({ length: 4 }, () => createDraft(tenant, minutes)))
  for (const { planId } of plans) {
    await mutate(tenant, 'submitPlanForReview', { planId })
    await mutate(tenant, 'setAutopilot', { planId, enabled: true })
  }
  const scanNow = () =>
    tenant.request('mutation { runScan(input: {}) { ... on RunScanPayload { scan { id } } } }')
  const answers = await Promise.all(
    plans.flatMap(({ planId }, index) => [
      mutate(tenant, 'approvePlan', { planId }),
      scanNow(),
      mutate(tenant, 'approvePlan', { planId }),
      scanNow(),
      ...(index === 0 ? [mutate(tenant, 'addSlots', { planId, slots: [slotInput(90)] }, 'plan { id }')] : []),
    ]),
  )
  expect(answers.every(Boolean)).toBe(true)

  // The first plan may have been edited before or after its approval; the others were approved exactly once.
  for (const { planId } of plans.slice(1)) {
    const { plan } = await tenant.request(
      'query ($id: ID!) { plan(id: $id) { state slots(first: 100) { nodes { job { id } } } } }',
      { id: planId },
    )
    expect(plan.state).toBe('APPROVED')
    const jobs = plan.slots.nodes.map((slot: { job: { id: string } | null }) => slot.job?.id)
    expect(jobs.every(Boolean)).toBe(true)
    expect(new Set(jobs).size).toBe(minutes.length)
  }
  const { rows } = await database.owner.pool.query(`
    select count(*)::int as events, max(sequence)::int as last, count(distinct sequence)::int as numbers,
           (select count(*)::int from reelpilot.machine_instance where machine = 'job') as jobs,
           (select count(*)::int from reelpilot.slot where claimed_at is not null) as claimed,
           (select count(*)::int from reelpilot_queue.job where name = 'job-wake') as wakeups
      from reelpilot.event`)
  const [counted] = rows
  expect(counted.numbers).toBe(counted.last)
  expect(counted.jobs).toBe(counted.claimed)
  expect(counted.wakeups).toBe(counted.jobs)
})
