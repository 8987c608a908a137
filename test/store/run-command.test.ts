import { expect, it } from 'vitest'
import { appendEvent } from '../../src/store/event/append.ts'
import type { ChangeNotification } from '../../src/store/event/notify.ts'
import { runCommand, runOrganizationCommand } from '../../src/store/run-command.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { db } = database.runtime

function recordingNotifier() {
  const sent: ChangeNotification[] = []
  return { sent, send: (notification: ChangeNotification) => void sent.push(notification) }
}

it('a command sends one notification after its commit, with every organization that got an event', async () => {
  const [first, second] = [await createOrganization(database), await createOrganization(database)]
  const notifier = recordingNotifier()
  const result = await runCommand(db, notifier, async (tx) => {
    for (const organizationId of [first, second, first].toSorted())
      await appendEvent(tx, { organizationId, type: 'plan.updated' })
    expect(notifier.sent).toEqual([])
    return 'done'
  })
  expect(result).toBe('done')
  expect(notifier.sent).toEqual([{ organizations: [first, second].toSorted(), jobs: [] }])
})

it('a command inside one organization sends a notification', async () => {
  const organizationId = await createOrganization(database)
  const notifier = recordingNotifier()
  await runOrganizationCommand(database.api.db, organizationId, notifier, (tx) =>
    appendEvent(tx, { organizationId, type: 'plan.updated' }),
  )
  expect(notifier.sent).toEqual([{ organizations: [organizationId], jobs: [] }])
})

it('a command that changes nothing or throws sends no notification', async () => {
  const organizationId = await createOrganization(database)
  const notifier = recordingNotifier()
  await runCommand(db, notifier, async () => undefined)
  const failing = runCommand(db, notifier, async (tx) => {
    await appendEvent(tx, { organizationId, type: 'plan.updated' })
    throw new Error('rolled back')
  })
  await expect(failing).rejects.toThrow('rolled back')
  expect(notifier.sent).toEqual([])
})
