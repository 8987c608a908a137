import { sql } from 'kysely'
import type { Executor } from '../database.ts'
import { keyset, type Page, type Positioned } from '../paging.ts'
import type { PlanRendering, PlanTable } from './tables.ts'

export type PlanState = PlanTable['state']

export interface PlanRecord {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly timeZone: string
  readonly state: PlanState
  readonly revision: number
  readonly autopilot: boolean
  readonly locked: boolean
  readonly rendering: PlanRendering
  readonly approvedAt: Date | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

const columns = sql.raw(
  `id, account_id as "accountId", name, time_zone as "timeZone", state, revision, autopilot, locked, rendering,
   approved_at as "approvedAt", created_at as "createdAt", updated_at as "updatedAt"`,
)

export async function findPlans(
  db: Executor,
  organizationId: string,
  ids: readonly string[],
): Promise<readonly PlanRecord[]> {
  const { rows } = await sql<PlanRecord>`
    select ${columns} from plan
     where organization_id = ${organizationId} and id = any(${ids}::uuid[])`.execute(db)
  return rows
}

/** Newest first. */
export async function listPlans(
  db: Executor,
  organizationId: string,
  state: PlanState | null,
  page: Page,
): Promise<readonly Positioned<PlanRecord>[]> {
  const { position, within, order } = keyset('plan', 'created_at', 'desc', page)
  const { rows } = await sql<Positioned<PlanRecord>>`
    select ${columns}, ${position} as position from plan
     where organization_id = ${organizationId} and (${state}::text is null or state = ${state}) and ${within}
     order by ${order} limit ${page.limit}`.execute(db)
  return rows
}

/** Locks a plan until the end of the transaction, and returns it with the number of its slots. Slots change only under this lock. */
export async function lockPlan(
  db: Executor,
  organizationId: string,
  planId: string,
): Promise<(PlanRecord & { readonly slots: number }) | undefined> {
  const { rows } = await sql<PlanRecord>`
    select ${columns} from plan
     where organization_id = ${organizationId} and id = ${planId} for update`.execute(db)
  const [plan] = rows
  if (!plan) return undefined
  return { ...plan, slots: await countSlots(db, planId) }
}

export interface NewPlan {
  readonly id: string
  readonly organizationId: string
  readonly accountId: string
  readonly name: string
  readonly timeZone: string
  readonly state: PlanState
  /** Default: `afterApproval`. */
  readonly rendering?: PlanRendering
}

export async function insertPlan(db: Executor, plan: NewPlan): Promise<void> {
  await sql`
    insert into plan (id, organization_id, account_id, name, time_zone, state, rendering, revision)
    values (${plan.id}, ${plan.organizationId}, ${plan.accountId}, ${plan.name}, ${plan.timeZone}, ${plan.state},
            ${plan.rendering ?? 'afterApproval'}, 1)`.execute(db)
}

export interface PlanTransition {
  readonly planId: string
  readonly expectedRevision: number
  readonly state: PlanState
  readonly autopilot: boolean
  readonly locked: boolean
}

/** Commits a transition of a plan: compare-and-set on its revision. False if another writer was first. */
export async function commitPlanTransition(db: Executor, transition: PlanTransition): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update plan
       set state = ${transition.state}, autopilot = ${transition.autopilot}, locked = ${transition.locked},
           revision = revision + 1, updated_at = clock_timestamp(),
           approved_at = case when ${transition.state} <> 'approved' then null
                              else coalesce(approved_at, clock_timestamp()) end
     where id = ${transition.planId} and revision = ${transition.expectedRevision}`.execute(db)
  return numAffectedRows === 1n
}

/** Changes the given fields. Requires `lockPlan`. */
export async function changePlan(
  db: Executor,
  planId: string,
  change: {
    readonly name?: string | undefined
    readonly timeZone?: string | undefined
    readonly rendering?: PlanRendering | undefined
  },
): Promise<void> {
  await sql`
    update plan set name = coalesce(${change.name ?? null}, name), time_zone = coalesce(${change.timeZone ?? null}, time_zone),
                    rendering = coalesce(${change.rendering ?? null}, rendering)
     where id = ${planId}`.execute(db)
}

export async function countSlots(db: Executor, planId: string): Promise<number> {
  const { rows } = await sql<{ slots: number }>`
    select count(*)::int as slots from slot where plan_id = ${planId}`.execute(db)
  return rows[0]?.slots ?? 0
}
