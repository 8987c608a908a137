import { expect, it } from 'vitest'
import type { Failure } from '../../machines/rules/failure.ts'
import { startProgressDisplay } from '../../src/rehearsal/progress-display.ts'
import { appendEvent } from '../../src/store/event/append.ts'
import { createChangeNotifier } from '../../src/store/event/notify.ts'
import { createTerminal } from '../../src/telemetry/terminal.ts'
import { nextStepFor } from '../../src/verdict/failure-verdict.ts'
import {
  createDraft,
  createRunningPlan,
  createTenant,
  createTestApi,
  mutate,
  slotInput,
  storyboard,
  type Tenant,
} from '../graphql/support.ts'
import { createTestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'

const database = await createTestDatabase()
const api = await createTestApi(database)

/** Collects the lines that are printed for an organization, without their times. */
async function follow(tenant: Tenant) {
  const lines: string[] = []
  const out = { write: (line: string) => void lines.push(line.slice(10, -1)) }
  const notifications = createChangeNotifier(database.runtime)
  const display = await startProgressDisplay({
    db: database.runtime.db,
    databaseUrl: database.url,
    organizationId: tenant.organizationId,
    locationOf: (sha256) => sha256,
    terminal: createTerminal({ out, err: out }),
    onError: (error) => {
      throw error
    },
  })
  return {
    notify: () => notifications.send({ organizations: [tenant.organizationId], jobs: [] }),
    printed: (count: number) =>
      waitUntil(
        () => lines,
        ({ length }) => length >= count,
      ),
    async close() {
      await display.close()
      await notifications.close()
      return lines
    },
  }
}

/** Commits a transition as the runtime would. */
async function commitTransition(
  tenant: Tenant,
  id: string,
  state: string,
  failure: Failure | null,
): Promise<void> {
  const { rows } = await database.owner.pool.query(
    `update reelpilot.machine_instance set state = $2, revision = revision + 1, context = context || jsonb_build_object('failure', $3::jsonb)
      where id = $1 returning machine, slot_id, account_id, revision`,
    [id, state, JSON.stringify(failure)],
  )
  const [{ machine, slot_id, account_id, revision }] = rows
  await database.runtime.db.transaction().execute((tx) =>
    appendEvent(tx, {
      organizationId: tenant.organizationId,
      type: `${machine}.transitioned`,
      jobId: id,
      jobRevision: Number(revision),
      ...(slot_id && { slotId: slot_id }),
      accountId: account_id,
      payload: { to: state },
    }),
  )
}

async function jobIds(tenant: Tenant): Promise<string[]> {
  const { rows } = await database.owner.pool.query(
    `select job.id from reelpilot.machine_instance job join reelpilot.slot on slot.id = job.slot_id
      where job.organization_id = $1 order by slot.publish_at`,
    [tenant.organizationId],
  )
  return rows.map(({ id }) => id)
}

it('numbers the labels of jobs whose titles are equal, also when they are equal only after shortening', async () => {
  const tenant = await createTenant(database, api)
  const display = await follow(tenant)
  await createRunningPlan(tenant, [60, 61])
  await display.printed(2)
  const { planId } = await createDraft(tenant, [])
  const title = 'A title that is longer than its column'
  const slots = ['one', 'two'].map((end, index) =>
    slotInput(70 + index, { storyboard: { ...storyboard, title: `${title}, ${end}` } }),
  )
  await mutate(tenant, 'addSlots', { planId, slots }, 'slots { id }')
  await mutate(tenant, 'submitPlanForReview', { planId })
  await mutate(tenant, 'setAutopilot', { planId, enabled: true })
  await mutate(tenant, 'approvePlan', { planId })
  await display.printed(4)
  const labels = (await display.close()).map((line) => line.slice(0, 28).trimEnd())
  expect(labels.sort()).toEqual([
    'A title that is longer th #2',
    'A title that is longer than',
    'Short',
    'Short #2',
  ])
})

it('prints the verdict and the next step of a failure once', async () => {
  const tenant = await createTenant(database, api)
  await createRunningPlan(tenant, [60])
  const [jobId = ''] = await jobIds(tenant)
  const display = await follow(tenant)
  const failure: Failure = {
    verdict: 'NEEDS_USER',
    code: 'scope_not_authorized',
    source: 'api',
    message: 'TikTok says no.',
  }
  const show = async (state: string, of: Failure | null, count: number) => {
    await commitTransition(tenant, jobId, state, of)
    display.notify()
    await display.printed(count)
  }
  await show('needsPerson', failure, 3)
  await show('needsPerson', failure, 3)
  await show('queued', null, 4)
  const lines = await display.close()
  expect(lines.map((line) => line.trimEnd())).toEqual([
    `${'Short'.padEnd(28)}  needsPerson`,
    'NEEDS_USER scope_not_authorized: TikTok says no.',
    nextStepFor(failure),
    `${'Short'.padEnd(28)}  queued`,
  ])
})

it('prints that an account is broken and healthy again, but not its token refreshes', async () => {
  const tenant = await createTenant(database, api)
  const { accountId } = tenant
  const display = await follow(tenant)
  const failure: Failure = {
    verdict: 'NEEDS_USER',
    code: 'access_token_invalid',
    source: 'api',
    message: 'TikTok refuses the token.',
  }
  const show = async (state: string, of: Failure | null, count: number) => {
    await commitTransition(tenant, accountId, state, of)
    display.notify()
    await display.printed(count)
  }
  await show('refreshing.requesting', null, 0)
  await show('needsReauthorization', failure, 3)
  await show('connected', null, 4)
  const label = 'account creator'.padEnd(28)
  expect((await display.close()).map((line) => line.trimEnd())).toEqual([
    `${label}  broken`,
    'NEEDS_USER access_token_invalid: TikTok refuses the token.',
    nextStepFor(failure),
    `${label}  healthy`,
  ])
})
