import { PgBoss } from 'pg-boss'
import type { Connection } from '../store/database.ts'
import { withInstallLock } from '../store/install-lock.ts'
import { queueSchema } from '../store/job/queue-warnings.ts'
import { connectionOf } from './boss.ts'
import { defaultRetryPolicy, queueSettings, queues, type RetryPolicy } from './queue-settings.ts'

/** On the hour; once for all the hours that nobody was there to hear it. */
const hourly = { cron: '0 * * * *', options: { tz: 'UTC', missed: 'once' } } as const

/**
 * Creates or upgrades the queue's tables as the owner, brings the queues to their settings, and lets the two working roles
 * use them, under a lock that other starting processes wait for. What is as it should be is not written. What lies in a queue
 * keeps the settings that it was put in with.
 */
export function installQueues(
  url: string,
  owner: Connection,
  patience: RetryPolicy = defaultRetryPolicy,
): Promise<void> {
  return withInstallLock(owner, () => installAlone(url, owner, patience))
}

async function installAlone(url: string, owner: Connection, patience: RetryPolicy): Promise<void> {
  const boss = new PgBoss({
    ...connectionOf(url, 'owner', 'reelpilot migrate'),
    supervise: false,
    schedule: false,
    max: 2,
  })
  boss.on('error', () => undefined) // What matters is thrown by start().
  await boss.start()
  try {
    await createQueues(boss, patience)
    await scheduleScan(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
  if (!(await mayUseQueues(owner))) await letRolesUseQueues(owner)
}

async function createQueues(boss: PgBoss, patience: RetryPolicy): Promise<void> {
  const known = new Map((await boss.getQueues(Object.values(queues))).map((queue) => [queue.name, queue]))
  for (const [name, settings] of queueSettings(patience)) {
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

/** Whether the whole has everything that the part has. */
function isPartOf(part: object, whole: object): boolean {
  const found = new Map<string, unknown>(Object.entries(whole))
  return Object.entries(part).every(([name, value]) => found.get(name) === value)
}

/** Whether both roles may use every table, sequence and function: an upgrade of pg-boss brings new ones. */
async function mayUseQueues(owner: Connection): Promise<boolean> {
  const { rows } = await owner.pool.query<{ may: boolean }>(
    `select coalesce(bool_and(may), true) as may
       from unnest(array['reelpilot_api', 'reelpilot_runtime']) as role
      cross join lateral (
        select has_schema_privilege(role, oid, 'usage') as may from pg_namespace where nspname = $1
        union all
        select case relkind when 'S' then has_sequence_privilege(role, oid, 'usage')
                    else has_table_privilege(role, oid, 'select') and has_table_privilege(role, oid, 'insert')
                     and has_table_privilege(role, oid, 'update') and has_table_privilege(role, oid, 'delete') end
          from pg_class where relnamespace = $1::regnamespace and relkind in ('r', 'p', 'v', 'S')
        union all
        select has_function_privilege(role, oid, 'execute')
          from pg_proc where pronamespace = $1::regnamespace and prokind = 'f'
      ) as asked`,
    [queueSchema],
  )
  return rows[0]?.may ?? false
}

async function letRolesUseQueues(owner: Connection): Promise<void> {
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
