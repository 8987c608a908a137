import { afterEach, expect, it, vi } from 'vitest'
import {
  type ChangeNotification,
  createChangeNotifier,
  listenForChanges,
} from '../../src/store/event/notify.ts'
import { createTestDatabase } from '../support/database.ts'
import { waitUntil } from '../support/wait.ts'

afterEach(() => {
  vi.useRealTimers()
})

it('the first change of an idle process is notified without waiting, those that follow it together', async () => {
  const database = await createTestDatabase()
  const received: ChangeNotification[] = []
  const listener = await listenForChanges(database.url, {
    onChange: (change) => received.push(change),
    onGap: () => undefined,
    onError: () => undefined,
  })
  const untilReceived = (count: number) =>
    waitUntil(
      () => received.length,
      (length) => length === count,
    )
  const notifier = createChangeNotifier(database.api)
  const send = (organization: string, ...jobs: readonly string[]) =>
    notifier.send({ organizations: [organization], jobs })
  await database.api.pool.query('select') // Opening a connection may use timers.

  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const advance = () => vi.advanceTimersByTime(10)
  const pollWithoutTimers = async (count: number) => {
    while (received.length < count) await database.api.pool.query('select')
  }
  send('a')
  send('b', '1')
  await pollWithoutTimers(1)
  expect(received).toEqual([{ organizations: ['a', 'b'], jobs: ['1'] }])

  send('c', '2')
  send('d')
  for (let index = 0; index < 10; index += 1) await database.api.pool.query('select')
  send('c', '3')
  expect(received).toHaveLength(1)
  advance()
  await pollWithoutTimers(2)
  expect(received[1]).toEqual({ organizations: ['c', 'd'], jobs: ['2', '3'] })

  advance() // Nothing has changed meanwhile, so the next change is the first again.
  send('e')
  await pollWithoutTimers(3)
  expect(received[2]).toEqual({ organizations: ['e'], jobs: [] })

  send('f')
  await notifier.close() // Sends what it still has.
  vi.useRealTimers()
  await untilReceived(4)
  expect(received[3]).toEqual({ organizations: ['f'], jobs: [] })
  await listener.close()
})
