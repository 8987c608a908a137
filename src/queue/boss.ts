import { fromKysely, type JobInsert, PgBoss, type Warning } from 'pg-boss'
import { connectionOptions, type Executor } from '../store/database.ts'
import type { QueueInsert } from '../store/job/queue-inserts.ts'
import { queueSchema } from '../store/job/queue-warnings.ts'
import { nameOfFrequent } from '../store/prepared-statements.ts'
import type { Role } from '../store/role.ts'
import { forgetIfUnusable } from '../store/statement-name.ts'
import { shareNotifications } from './notify.ts'

export interface BossOptions {
  readonly url: string
  readonly role: Role
  readonly name: string
  readonly onError: (error: unknown) => void
  /** Receives pg-boss's warnings, which are also stored in its table. Default: `onError`. */
  readonly onWarning?: (warning: Warning) => void
  /** Whether this process supervises the queues and runs schedules; any number of processes may. */
  readonly supervises: boolean
}

/** Creates a pg-boss for a running process. It never migrates: `installQueues` does, as the owner. */
export function createBoss(options: BossOptions): PgBoss {
  const { name, onError, supervises } = options
  const boss = new PgBoss({
    ...connectionOf(options.url, options.role, name),
    // Fetching uses one connection per process, heartbeats and settling the others; drives have a pool of their own.
    max: 5,
    // The working roles own nothing and may not create.
    migrate: false,
    createSchema: false,
    // The API only inserts; the workers supervise.
    supervise: supervises,
    schedule: supervises,
    // Uses one more connection to listen for new work. Without it a worker polls.
    useListenNotify: supervises,
    // A missing heartbeat (10 s) is detected within another 2 s. Of all processes that supervise, one does the work.
    superviseIntervalSeconds: 2,
    monitorIntervalSeconds: 2,
    // Completed work is deleted an hour later instead of a day later (the default): the monitor above reads the whole table.
    maintenanceIntervalSeconds: 600,
    // Rebuilding an index requires its owner.
    reindex: false,
    // Keeps 30 days of slow queries, backlogs and blocked vacuums, which `npm start -- queues` lists.
    persistWarnings: true,
    warningRetentionDays: 30,
    // The queue's statements take milliseconds; the default of 30 s would report outages only.
    warningSlowQuerySeconds: 5,
  })
  shareNotifications(boss)
  prepareStatements(boss)
  boss.on('error', onError)
  boss.on('warning', options.onWarning ?? onError)
  return boss
}

/** As `prepareFrequent`, for the connections of pg-boss, which hands each statement to its pool as it is. */
function prepareStatements(boss: PgBoss): void {
  const database = boss.getDb()
  type Execute = (query: string | NamedStatement, ...rest: unknown[]) => Promise<{ rows: unknown[] }>
  const execute = database.executeSql.bind(database) as Execute
  database.executeSql = async (text: string, ...rest: unknown[]) => {
    const name = Array.isArray(rest[0]) ? nameOfFrequent(text) : undefined
    if (name === undefined) return await execute(text, ...rest)
    try {
      return await execute({ name, text }, ...rest)
    } catch (error) {
      if (forgetIfUnusable(text, error)) return await execute(text, ...rest)
      throw error
    }
  }
}

/** A statement as pg accepts it in place of a text. */
interface NamedStatement {
  readonly name: string
  readonly text: string
}

/** The connection options of pg-boss under one of our roles. */
export function connectionOf(url: string, role: Role, name: string) {
  return { ...connectionOptions(url, role, name), schema: queueSchema }
}

/** Runs a queue operation inside our transaction, so that both commit or neither does. */
export function within(tx: Executor): { readonly db: ReturnType<typeof fromKysely> } {
  // `fromKysely` needs only `executeQuery` of a Kysely.
  return { db: fromKysely(tx as unknown as Parameters<typeof fromKysely>[0]) }
}

/** The statement by which pg-boss would insert work, for a larger statement. */
export async function insertOf(
  boss: PgBoss,
  queue: string,
  work: readonly JobInsert[],
): Promise<QueueInsert> {
  let insert: QueueInsert | undefined
  const db = {
    async executeSql(text: string, values: unknown[] = []) {
      insert = { text, work: String(values[0]) }
      return { rows: [] }
    },
  }
  await boss.insert(queue, [...work], { db })
  if (!insert) throw new Error(`pg-boss sends no statement to insert into ${queue}`)
  return insert
}

/** The minimum interval between reports of the same kind of warning. */
const warningIntervalMs = 60_000

/**
 * Passes on each kind of warning at once, and then at most once a minute with the number of its occurrences: pg-boss repeats a warning
 * about a backlog every two seconds.
 */
export function throttleWarnings(
  report: (warning: Warning, count: number) => void,
): (warning: Warning) => void {
  const kinds = new Map<string, { count: number; reportedAt: number }>()
  return (warning) => {
    const kind = warning.message.replaceAll(/\d+/g, '#') // The same text with other numbers is the same kind.
    const known = kinds.get(kind) ?? { count: 0, reportedAt: Number.NEGATIVE_INFINITY }
    known.count += 1
    kinds.set(kind, known)
    const now = performance.now()
    if (now - known.reportedAt < warningIntervalMs) return
    known.reportedAt = now
    report(warning, known.count)
  }
}
