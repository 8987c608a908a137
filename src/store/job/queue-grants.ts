import type { Connection } from '../database.ts'
import { queueSchema } from './queue-warnings.ts'

/** Whether both roles may use every table, sequence and function. An upgrade of pg-boss adds new ones. */
export async function canUseQueues(owner: Connection): Promise<boolean> {
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

/** Grants both roles the use of every table, sequence and function of the queue. */
export async function grantQueues(owner: Connection): Promise<void> {
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
