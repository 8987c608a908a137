import { fromKysely, PgBoss, type Warning } from 'pg-boss'
import { connectionOptions, type Executor } from '../store/database.ts'
import { queueSchema } from '../store/job/queue-warnings.ts'
import type { Role } from '../store/role.ts'
import { shareNotifications } from './notify.ts'

export interface BossOptions {
  readonly url: string
  readonly role: Role
  readonly name: string
  readonly onError: (error: unknown) => void
  /** What pg-boss warns of; it is kept in its table in any case. To `onError` if left out. */
  readonly onWarning?: (warning: Warning) => void
  /** Whether this process looks after the queues and fires schedules; any number of processes may. */
  readonly supervises: boolean
}

/** A pg-boss for a running process. It never migrates: `installQueues` does, as the owner. */
export function createBoss(options: BossOptions): PgBoss {
  const { name, onError, supervises } = options
  const boss = new PgBoss({
    ...connectionOf(options.url, options.role, name),
    // Fetching takes one connection a process, heartbeats and settling the others; drives have a pool of their own.
    max: 5,
    // The two roles at work own nothing, and so may not.
    migrate: false,
    createSchema: false,
    // What the API needs is to put things in: whoever takes them out looks after them.
    supervise: supervises,
    schedule: supervises,
    // One more connection, on which a worker hears of new work; without it, or without its connection, it polls.
    useListenNotify: supervises,
    // A missing heartbeat of 10 s is noticed within 2 s more. However many processes look, one of them does the work.
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    // What is done is deleted an hour later, not a day later as by default: the monitor above reads the whole table.
    maintenanceIntervalSeconds: 600,
    // Rebuilding an index takes its owner.
    reindex: false,
    // A month of slow queries, backlogs and a vacuum that is held up: `npm start -- queues` tells them.
    persistWarnings: true,
    warningRetentionDays: 30,
    // The queue's statements take milliseconds; the default of 30 s would tell of outages only.
    warningSlowQuerySeconds: 5,
  })
  shareNotifications(boss)
  boss.on('error', onError)
  boss.on('warning', options.onWarning ?? onError)
  return boss
}

/** How pg-boss reaches the database under one of our roles. */
export function connectionOf(url: string, role: Role, name: string) {
  return { ...connectionOptions(url, role, name), schema: queueSchema }
}

/** Runs a queue operation inside a transaction of ours, so that it happens exactly if the rest does. */
export function within(tx: Executor): { readonly db: ReturnType<typeof fromKysely> } {
  // `fromKysely` asks for less than a Kysely is: its `executeQuery` for raw nodes.
  return { db: fromKysely(tx as unknown as Parameters<typeof fromKysely>[0]) }
}
