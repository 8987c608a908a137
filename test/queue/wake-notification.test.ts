import { randomUUID } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { listenForWork } from '../../src/queue/listen-for-work.ts'
import { onQueueNotification } from '../../src/queue/notify.ts'
import { queues } from '../../src/queue/queue-settings.ts'
import { queueWakeUps } from '../../src/queue/wake.ts'
import { type ChangeNotification, createChangeNotifier } from '../../src/store/event/notify.ts'
import { runCommand } from '../../src/store/run-command.ts'
import { createCommandDeps } from '../support/command-deps.ts'
import { createOrganization, createTestDatabase } from '../support/database.ts'

const database = await createTestDatabase()
const { boss } = await createCommandDeps(database)
const { db } = database.runtime

/** What a command notifies of that queues a wake-up and then maybe fails. */
async function notificationsOf({ at, fails = false }: { readonly at?: number; readonly fails?: boolean }) {
  const organizationId = await createOrganization(database)
  const sent: ChangeNotification[] = []
  const notifier = { send: (notification: ChangeNotification) => void sent.push(notification) }
  const wakeUp = { jobId: randomUUID(), organizationId, reason: 1, ...(at !== undefined && { at }) }
  await runCommand(db, notifier, async (tx) => {
    await queueWakeUps(boss, [wakeUp], tx)
    expect(sent).toEqual([]) // Others see the wake-up after the commit only.
    if (fails) throw new Error('refused')
  }).catch((error: Error) => expect(error.message).toBe('refused'))
  return sent
}

it('a command that queues a due wake-up notifies of its queue after the commit', async () => {
  expect(await notificationsOf({})).toEqual([{ organizations: [], jobs: [], queues: [queues.wake] }])
})

it('a deferred wake-up, and a command that fails, notify of nothing', async () => {
  expect(await notificationsOf({ at: Date.now() + 60_000 })).toEqual([])
  expect(await notificationsOf({ fails: true })).toEqual([])
})

it('a notification of a queue makes its workers fetch, and one of a job makes its lease be looked at', async () => {
  const checked = Promise.withResolvers<string>()
  const fetched = Promise.withResolvers<void>()
  const listener = await listenForWork(database.url, {
    boss,
    keeper: { checkNow: checked.resolve },
    onError: () => undefined,
  })
  onTestFinished(() => listener.close())
  // Later than the connection, which makes workers fetch too.
  onTestFinished(onQueueNotification(boss, queues.wake, fetched.resolve))
  const notifications = createChangeNotifier(database.runtime)
  onTestFinished(() => notifications.close())
  const jobId = randomUUID()
  notifications.send({ organizations: [], jobs: [jobId], queues: [queues.wake] })
  await fetched.promise
  expect(await checked.promise).toBe(jobId)
})
