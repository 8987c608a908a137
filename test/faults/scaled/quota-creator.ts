import { setTimeout as later } from 'node:timers/promises'
import { startJob } from '../../../src/commands/job/start-job.ts'
import { accountMachine, jobMachine } from '../../../src/definitions/machines.ts'
import { catalogueOf } from '../../../src/durable/machine.ts'
import { createBoss } from '../../../src/queue/boss.ts'
import { connect, inOrganization } from '../../../src/store/database.ts'
import { asUnavailable } from '../../../src/store/unavailable.ts'

export interface CreatorSettings {
  readonly databaseUrl: string
  readonly organizationId: string
  readonly slotIds: readonly string[]
  /** The number of concurrent starts. */
  readonly connections: number
}

/** A process that starts the jobs of many slots concurrently, as the API does, and prints each result. */
const { databaseUrl, organizationId, slotIds, connections }: CreatorSettings = JSON.parse(
  process.argv[2] ?? '',
)
const onError = (error: unknown) => process.stderr.write(`${String(error)}\n`)
const { db, close } = connect(databaseUrl, 'reelpilot_api', { max: connections, name: 'creator', onError })
const boss = createBoss({
  url: databaseUrl,
  role: 'reelpilot_api',
  name: 'creator',
  supervises: false,
  onError,
})
await boss.start()
const deps = { boss, machines: catalogueOf([jobMachine, accountMachine]) }

/** Repeats the work while it is unavailable, as the API asks its clients to do. */
async function untilServed<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      const refused = asUnavailable(error)
      if (!refused) throw error
      await later(refused.retryAfterSeconds * 1_000)
    }
  }
}

const left = [...slotIds]
const create = async () => {
  for (let slotId = left.shift(); slotId !== undefined; slotId = left.shift()) {
    const request = { organizationId, slotId }
    const started = await untilServed(() =>
      inOrganization(db, organizationId, (tx) => startJob(tx, deps, request)),
    )
    process.stdout.write(`${JSON.stringify(started)}\n`)
    // Lets the other processes proceed.
    await later(0)
  }
}
await Promise.all(Array.from({ length: connections }, create))
await boss.stop({ graceful: false })
await close()
