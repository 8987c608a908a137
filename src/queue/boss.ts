import { fromKysely, PgBoss } from 'pg-boss'
import { type Connection, connectionOptions, type Executor, type Role } from '../store/database.ts'
import { queues } from './queues.ts'

/** pg-boss keeps its own tables in a schema of its own. */
const bossSchema = 'reelpilot_queue'

export interface BossOptions {
  readonly url: string
  readonly role: Role
  readonly name: string
  readonly onError: (error: unknown) => void
  /** Whether this process looks after the queues and fires schedules; any number of processes may. */
  readonly supervises: boolean
}

/** A pg-boss for a running process. It never migrates: `installQueues` does, as the owner. */
export function createBoss({ url, role, name, onError, supervises }: BossOptions): PgBoss {
  const { connectionString, options } = connectionOptions(url, role, name)
  const boss = new PgBoss({
    ...(connectionString && { connectionString }),
    ...(typeof options === 'string' && { options }),
    application_name: name,
    schema: bossSchema,
    max: 5,
    migrate: false,
    createSchema: false,
    supervise: supervises,
    schedule: supervises,
    useListenNotify: supervises,
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    reindex: false,
  })
  boss.on('error', onError)
  boss.on('warning', onError)
  return boss
}

/** Creates or upgrades the queue's tables and queues as the owner, and lets the two working roles use them. */
export async function installQueues(url: string, owner: Connection): Promise<void> {
  const { connectionString, options } = connectionOptions(url, 'owner', 'reelpilot migrate')
  const boss = new PgBoss({
    ...(connectionString && { connectionString }),
    ...(typeof options === 'string' && { options }),
    schema: bossSchema,
    supervise: false,
    schedule: false,
    max: 2,
  })
  boss.on('error', () => undefined) // What matters is thrown by start().
  await boss.start()
  try {
    await boss.createQueue(queues.wake, {
      // Infrastructure only: crashes, lost heartbeats, shutdowns. Business retries are the machine's.
      retryLimit: 1_000,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: 60,
      heartbeatSeconds: 10,
      expireInSeconds: 6 * 3_600,
      deleteAfterSeconds: 24 * 3_600,
      retentionSeconds: 90 * 86_400,
      notify: true,
    })
    await boss.createQueue(queues.scan, {
      retryLimit: 10,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: 60,
      heartbeatSeconds: 10,
      expireInSeconds: 600,
      notify: true,
    })
    await boss.createQueue(queues.webhook, {
      retryLimit: 1_000,
      retryDelay: 1,
      retryBackoff: true,
      retryDelayMax: 60,
      heartbeatSeconds: 10,
      expireInSeconds: 600,
      deleteAfterSeconds: 24 * 3_600,
      retentionSeconds: 90 * 86_400,
      notify: true,
    })
    await boss.schedule(queues.scan, '0 * * * *', {}, { tz: 'UTC', missed: 'once' })
    for (const role of ['reelpilot_api', 'reelpilot_runtime']) {
      const grants = [
        `grant usage on schema ${bossSchema} to ${role}`,
        `grant select, insert, update, delete on all tables in schema ${bossSchema} to ${role}`,
        `grant usage on all sequences in schema ${bossSchema} to ${role}`,
        `grant execute on all functions in schema ${bossSchema} to ${role}`,
      ]
      for (const grant of grants) await owner.pool.query(grant)
    }
  } finally {
    await boss.stop({ graceful: false })
  }
}

/** Runs a queue operation inside a transaction of ours, so that it happens exactly if the rest does. */
export function within(tx: Executor): { readonly db: ReturnType<typeof fromKysely> } {
  // `fromKysely` asks for less than a Kysely is: its `executeQuery` for raw nodes.
  return { db: fromKysely(tx as unknown as Parameters<typeof fromKysely>[0]) }
}
