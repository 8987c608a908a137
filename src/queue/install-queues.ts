import { PgBoss } from 'pg-boss'
import type { Connection } from '../store/database.ts'
import { withInstallLock } from '../store/install-lock.ts'
import { queueSchema } from '../store/job/queue-warnings.ts'
import { connectionOf } from './boss.ts'
import { defaultRetryPolicy, queueSettings, queues, type RetryPolicy } from './queue-settings.ts'

/** Every hour; once for all hours in which no process ran. */
const hourly = { cron: '0 * * * *', options: { tz: 'UTC', missed: 'once' } } as const

/**
 * Creates or upgrades the queue's tables as the owner, applies the queue settings, and grants the working roles access, under a lock that
 * other starting processes wait for. Writes only what differs. Queued work keeps the settings that it was queued with.
 */
export function installQueues(
  url: string,
  owner: Connection,
  retryPolicy: RetryPolicy = defaultRetryPolicy,
): Promise<void> {
  return withInstallLock(owner, () => installUnderLock(url, owner, retryPolicy))
}

async function installUnderLock(url: string, owner: Connection, retryPolicy: RetryPolicy): Promise<void> {
  const boss = new PgBoss({
    ...connectionOf(url, 'owner', 'reelpilot migrate'),
    supervise: false,
    schedule: false,
    max: 2,
  })
  boss.on('error', () => undefined) // start() throws what matters.
  await boss.start()
  try {
    await createQueues(boss, retryPolicy)
    await scheduleScan(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
  if (!(await canUseQueues(owner))) await grantQueues(owner)
}

async function createQueues(boss: PgBoss, retryPolicy: RetryPolicy): Promise<void> {
  const known = new Map((await boss.getQueues(Object.values(queues))).map((queue) => [queue.name, queue]))
  for (const [name, settings] of queueSettings(retryPolicy)) {
    const queue = known.get(name)
    if (!queue) await boss.createQueue(name, settings)
    else if (!isPartOf(settings, queue)) await boss.updateQueue(name, settings)
  }
}

async function scheduleScan(boss: PgBoss): Promise<void> {
  const { cron, options } = hourly
  const [known] = await boss.getSchedules(queues.scan)
  if (known?.cron === cron && known.options && isPartOf(options, known.options)) return
  await boss.schedule(queues.scan, cron, {}, options)
}

/** Whether `whole` contains every property of `part`. */
function isPartOf(part: object, whole: object): boolean {
  const found = new Map<string, unknown>(Object.entries(whole))
  return Object.entries(part).every(([name, value]) => found.get(name) === value)
}

/** Whether both roles may use every table, sequence and function. An upgrade of pg-boss adds new ones. */
async function canUseQueues(owner: Connection): Promise<boolean> {
  const { rows } = await owner.pool.query<{ isGranted: boolean }>(
    `select coalesce(bool_and(is_granted), true) as "isGranted"
       from unnest(array['reelpilot_api', 'reelpilot_runtime']) as role
      cross join lateral (
        select has_schema_privilege(role, oid, 'usage') as is_granted from pg_namespace where nspname = $1
        union all
        select case relkind when 'S' then has_sequence_privilege(role, oid, 'usage')
                    else has_table_privilege(role, oid, 'select') and has_table_privilege(role, oid, 'insert')
                     and has_table_privilege(role, oid, 'update') and has_table_privilege(role, oid, 'delete') end
          from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v', 'S')
        union all
        select has_function_privilege(role, oid, 'execute')
          from pg_proc where pronamespace = $1::regnamespace and prokind = 'f'
      ) as grants`,
    [queueSchema],
  )
  return rows[0]?.isGranted ?? false
}

async function grantQueues(owner: Connection): Promise<void> {
  for (const role of ['reelpilot_api', 'reelpilot_runtime']) {
    const grants = [
      `grant usage on schema ${queueSchema} to ${role}`,
      `grant select, insert, update, delete on all tables in schema ${queueSchema} to ${role}`,
      `grant usage on all sequences in schema ${queueSchema} to ${role}`,
      `grant execute on all functions in schema ${queueSchema} to ${role}`,
    ]
    for (const grant of grants) await owner.pool.query(grant)
  }
}
