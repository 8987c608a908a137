import { expect, it } from 'vitest'
import { applyPlanAction, type PlanAction } from '../../../src/commands/plan/apply-plan-action.ts'
import { updateSlot } from '../../../src/commands/plan/update-slot.ts'
import { createCommandDeps } from '../../support/command-deps.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { createHostHarness } from '../host-harness.ts'

const harness = await createHostHarness()
const { db } = harness.database.runtime
const deps = await createCommandDeps(harness.database)

it('a slot whose job was cancelled is posted once, as it was changed and approved again', async () => {
  const worker = await harness.openWorker({ directory: await temporaryDirectory() })
  const first = await worker.start()
  const { organizationId } = harness
  const slot = await db
    .selectFrom('slot')
    .innerJoin('machine_instance as job', 'job.slot_id', 'slot.id')
    .select(['slot.id', 'plan_id'])
    .where('job.id', '=', first.jobId)
    .executeTakeFirstOrThrow()
  const applyAction = (event: PlanAction) =>
    db
      .transaction()
      .execute((tx) => applyPlanAction(tx, deps, { organizationId, planId: slot.plan_id, event }))

  expect(await first.advance('awaitingSlot')).toBe('awaitingSlot')
  await first.sendEvent({ type: 'cancel' })
  expect(await first.advance()).toBe('cancelled')

  const change = { caption: 'Better', privacy: 'SELF_ONLY' } as const
  const changed = await db
    .transaction()
    .execute((tx) => updateSlot(tx, deps, { organizationId, slotId: slot.id, change }))
  expect(changed.kind).toBe('done')
  await applyAction({ type: 'submit' })
  const applied = await applyAction({ type: 'approve' })
  if (applied.kind !== 'done') throw new Error(JSON.stringify(applied))
  const [secondId = ''] = applied.transitionedJobs
  expect(applied.transitionedJobs).toHaveLength(1)

  const second = worker.takeOver({ ...first, jobId: secondId })
  await second.advance()
  expect((await second.context()).sentAt).not.toBeNull()
  expect(worker.local.posts()).toMatchObject([{ title: 'Better', status: 'PUBLISH_COMPLETE' }])
  await expect(first.sendEvent({ type: 'retry' })).rejects.toThrow('refused')
  expect(await first.advance()).toBe('cancelled')
  expect(worker.local.posts()).toHaveLength(1)
})
