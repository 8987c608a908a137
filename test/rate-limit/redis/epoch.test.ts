import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type EpochTracker, startEpochTracker } from '../../../src/rate-limit/redis/epoch.ts'
import { connect } from '../../../src/store/database.ts'
import { createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'

const database = await createTestDatabase()
const leaseMs = 400
let trackers: EpochTracker[] = []

beforeEach(async () => {
  await sql`truncate rate_limit_epoch, rate_limit_process`.execute(database.owner.db)
})
afterEach(async () => {
  await Promise.all(trackers.splice(0).map((tracker) => tracker.stop()))
})

/** Starts a process that reaches a server, until its `reaches` changes. */
async function startProcess(server: string | null, connection = database.runtime) {
  const process = { reaches: server }
  const tracker = await startEpochTracker({
    db: connection.db,
    processId: randomUUID(),
    reachableServer: async () => process.reaches,
    leaseMs,
    onError: () => undefined,
  })
  trackers.push(tracker)
  return Object.assign(process, { tracker, epoch: () => tracker.current() })
}

type Process = Awaited<ReturnType<typeof startProcess>>
const untilAllInEpochOf = (processes: readonly Process[], server: string | null, after = 0) =>
  waitUntil(
    () => processes.map(({ epoch }) => epoch()),
    (epochs) => epochs.every((epoch) => epoch && epoch.epoch > after && epoch.server === server),
  )

it('the first epoch has the server that all processes reach', async () => {
  const processes = [await startProcess('one'), await startProcess('one')]
  const epochs = await untilAllInEpochOf(processes, 'one')
  expect(new Set(epochs.map((epoch) => epoch?.epoch)).size).toBe(1)
})

it('all processes change to memory with a share each when one loses Redis, and change back together', async () => {
  const [first, second] = [await startProcess('one'), await startProcess('one')]
  const [before] = await untilAllInEpochOf([first, second], 'one')
  second.reaches = null
  const sharing = await untilAllInEpochOf([first, second], null, before?.epoch)
  expect(sharing.map((epoch) => epoch?.shares)).toEqual([2, 2])
  expect(sharing.map((epoch) => epoch?.share).sort()).toEqual([0, 1])
  expect(sharing[0]?.reason).toBe('a process cannot reach Redis')
  second.reaches = 'one'
  const [back] = await untilAllInEpochOf([first, second], 'one', sharing[0]?.epoch)
  expect(back?.reason).toBe('all processes reach Redis')
})

it('an epoch ends when its server was restarted', async () => {
  const [first, second] = [await startProcess('one'), await startProcess('one')]
  const [before] = await untilAllInEpochOf([first, second], 'one')
  first.reaches = 'two'
  second.reaches = 'two'
  await untilAllInEpochOf([first, second], 'two', before?.epoch)
})

it('a process that starts during an epoch of shares has none until the next assignment', async () => {
  const first = await startProcess(null)
  const [assigned] = await untilAllInEpochOf([first], null, 0)
  const late = await startProcess(null)
  expect(late.epoch()).toMatchObject({ epoch: assigned?.epoch, shares: 1, share: null })
  await sql`update rate_limit_epoch set since = now() - interval '2 minutes'`.execute(database.owner.db)
  const reassigned = await untilAllInEpochOf([first, late], null, assigned?.epoch)
  expect(reassigned.map((epoch) => epoch?.shares)).toEqual([2, 2])
})

it('a process acts in no epoch that the database has not confirmed within a lease', async () => {
  const connection = connect(database.url, 'reelpilot_api', {
    max: 1,
    name: 'cut off',
    onError: () => undefined,
  })
  const process = await startProcess('one', connection)
  expect(process.tracker.lastKnown()).not.toBeNull()
  await connection.close()
  await waitUntil(process.epoch, (epoch) => epoch === null)
  trackers = []
})
