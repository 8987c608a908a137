import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type EpochTracker, startEpochTracker } from '../../../src/rate-limit/redis/epoch.ts'
import { connect } from '../../../src/store/database.ts'
import { createTestDatabase } from '../../support/database.ts'
import { waitUntil } from '../../support/wait.ts'

const database = await createTestDatabase()
const leaseMs = 400
let keepers: EpochTracker[] = []

beforeEach(async () => {
  await sql`truncate rate_limit_epoch, rate_limit_process`.execute(database.owner.db)
})
afterEach(async () => {
  await Promise.all(keepers.splice(0).map((keeper) => keeper.stop()))
})

/** A process that reaches a server, until `reaches` is set to something else. */
async function startProcess(server: string | null, connection = database.runtime) {
  const process = { reaches: server }
  const keeper = await startEpochTracker({
    db: connection.db,
    processId: randomUUID(),
    reachableServer: async () => process.reaches,
    leaseMs,
    onError: () => undefined,
  })
  keepers.push(keeper)
  return Object.assign(process, { keeper, era: () => keeper.current() })
}

type Process = Awaited<ReturnType<typeof startProcess>>
const untilAllIn = (processes: readonly Process[], server: string | null, after = 0) =>
  waitUntil(
    () => processes.map(({ era }) => era()),
    (eras) => eras.every((era) => era && era.epoch > after && era.server === server),
  )

it('begins with the server that all reach', async () => {
  const processes = [await startProcess('one'), await startProcess('one')]
  const eras = await untilAllIn(processes, 'one')
  expect(new Set(eras.map((era) => era?.epoch)).size).toBe(1)
})

it('takes all processes to memory when one has lost its way, deals a share to each, and brings them back', async () => {
  const [first, second] = [await startProcess('one'), await startProcess('one')]
  const [before] = await untilAllIn([first, second], 'one')
  second.reaches = null
  const alone = await untilAllIn([first, second], null, before?.epoch)
  expect(alone.map((era) => era?.shares)).toEqual([2, 2])
  expect(alone.map((era) => era?.share).sort()).toEqual([0, 1])
  expect(alone[0]?.reason).toBe('a process cannot reach Redis')
  second.reaches = 'one'
  const [back] = await untilAllIn([first, second], 'one', alone[0]?.epoch)
  expect(back?.reason).toBe('all processes reach Redis')
})

it('ends an era whose server was started again, though it answers', async () => {
  const [first, second] = [await startProcess('one'), await startProcess('one')]
  const [before] = await untilAllIn([first, second], 'one')
  first.reaches = 'two'
  second.reaches = 'two'
  await untilAllIn([first, second], 'two', before?.epoch)
})

it('leaves a process without a share that comes when they are dealt, until they are dealt again', async () => {
  const first = await startProcess(null)
  const [dealt] = await untilAllIn([first], null, 0)
  const late = await startProcess(null)
  expect(late.era()).toMatchObject({ epoch: dealt?.epoch, shares: 1, share: null })
  await sql`update rate_limit_epoch set since = now() - interval '2 minutes'`.execute(database.owner.db)
  const again = await untilAllIn([first, late], null, dealt?.epoch)
  expect(again.map((era) => era?.shares)).toEqual([2, 2])
})

it('lets nobody act on an era that the database has not confirmed for a lease', async () => {
  const connection = connect(database.url, 'reelpilot_api', {
    max: 1,
    name: 'cut off',
    onError: () => undefined,
  })
  const process = await startProcess('one', connection)
  expect(process.keeper.lastKnown()).not.toBeNull()
  await connection.close()
  await waitUntil(process.era, (era) => era === null)
  keepers = []
})
