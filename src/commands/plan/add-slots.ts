import { randomUUID } from 'node:crypto'
import { readCreatorSettings } from '../../store/account/accounts.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { insertSlots, type NewSlot } from '../../store/plan/slots.ts'
import { type FieldIssue, invalid, type Refusal } from '../refusal.ts'
import { lockMediaOf } from './slot-content.ts'
import { transitionPlan } from './transition-plan.ts'
import { type SlotInput, validateSlot } from './validate-slot.ts'

/** Slots per call: more than a year has days, and a storyboard may have several kilobytes. */
const maxSlots = 400

export type AddSlotsResult =
  | { readonly kind: 'done'; readonly planId: string; readonly slotIds: readonly string[] }
  | Refusal

/** Adds slots to a plan, all or none. Withdraws the plan's approval. */
export async function addSlots(
  tx: Tx,
  request: { readonly organizationId: string; readonly planId: string; readonly slots: readonly SlotInput[] },
): Promise<AddSlotsResult> {
  const { organizationId, planId, slots } = request
  if (slots.length < 1 || slots.length > maxSlots) return invalid('slots', `must have 1 to ${maxSlots} items`)

  const moved = await transitionPlan(tx, { organizationId, planId, event: { type: 'edit' } })
  if (moved.kind !== 'moved') return moved
  const now = await readDatabaseTime(tx)
  const { timeZone } = moved.before
  const creator = await readCreatorSettings(tx, moved.before.accountId)
  const media = await lockMediaOf(
    tx,
    organizationId,
    slots.map(({ content }) => content),
  )
  const missing = slots.findIndex(({ content }) => content.kind === 'media' && !media.has(content.mediaId))
  if (missing >= 0) return { kind: 'missing', field: `slots.${missing}.content.mediaId` }
  const fields: FieldIssue[] = []
  const contents: NewSlot[] = []
  for (const [index, slot] of slots.entries()) {
    const read = validateSlot(slot, { path: `slots.${index}`, timeZone, creator, media, now })
    if (read.kind === 'invalid') fields.push(...read.fields)
    else contents.push({ ...read.content, id: randomUUID() })
  }
  if (fields.length > 0) return { kind: 'invalid', fields }

  await insertSlots(tx, organizationId, planId, contents)
  const slotIds = contents.map(({ id }) => id)
  await appendEvent(tx, {
    organizationId,
    type: 'slots.added',
    planId,
    payload: { from: moved.before.state, to: moved.after, slotIds },
  })
  return { kind: 'done', planId, slotIds }
}
