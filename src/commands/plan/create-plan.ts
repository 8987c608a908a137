import { randomUUID } from 'node:crypto'
import { findAccounts } from '../../store/account/accounts.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertPlan } from '../../store/plan/plans.ts'
import type { PlanRendering } from '../../store/plan/tables.ts'
import { hasVisible } from '../../storyboard/visible.ts'
import { type FieldIssue, invalid, type Refusal } from '../refusal.ts'
import { isTimeZone } from './wall-time.ts'

export type CreatePlanResult = { readonly kind: 'done'; readonly planId: string } | Refusal

/** Creates an empty draft plan for one account. */
export async function createPlan(
  tx: Tx,
  request: {
    readonly organizationId: string
    readonly accountId: string
    readonly name: string
    readonly timeZone: string
    readonly rendering?: PlanRendering
  },
): Promise<CreatePlanResult> {
  const { organizationId, accountId, name, timeZone, rendering = 'afterApproval' } = request
  const fields = [...validatePlanName(name), ...validateTimeZone(timeZone)]
  if (fields.length > 0) return { kind: 'invalid', fields }
  const [account] = await findAccounts(tx, organizationId, [accountId])
  if (!account) return { kind: 'missing', field: 'accountId' }
  if (account.state === 'disconnected')
    return invalid('accountId', 'is disconnected; connect the account again first')

  const planId = randomUUID()
  const plan = { id: planId, organizationId, accountId, name: name.trim(), timeZone, rendering }
  await insertPlan(tx, { ...plan, state: 'draft' })
  await appendEvent(tx, { organizationId, type: 'plan.created', planId, payload: { name: name.trim() } })
  return { kind: 'done', planId }
}

/** Returns what is wrong with a plan's name. */
export function validatePlanName(name: string): readonly FieldIssue[] {
  const { length } = name.trim()
  if (length < 1 || length > 200) return [{ path: 'name', message: 'must have 1 to 200 characters' }]
  return hasVisible(name)
    ? []
    : [{ path: 'name', message: 'is blank: it must have at least one visible character' }]
}

/** Returns what is wrong with a plan's time zone. */
export function validateTimeZone(timeZone: string): readonly FieldIssue[] {
  return isTimeZone(timeZone)
    ? []
    : [
        {
          path: 'timeZone',
          message: `is not an IANA time zone such as Europe/Berlin: ${timeZone.slice(0, 80)}`,
        },
      ]
}
