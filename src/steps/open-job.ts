import type { Audience } from '../../machines/job/context.ts'
import { done, type StepOutcome } from '../durable/step.ts'
import type { SlotContent } from '../store/slot-store.ts'
import { parseStoryboard, type Storyboard } from '../storyboard/storyboard.ts'
import { notApproved } from './approval.ts'
import type { StepDeps } from './deps.ts'
import { fail, failure } from './failure.ts'
import { readSlot } from './slot.ts'

/** The brief's storyboard as it was approved, read as strictly as when it was written. */
export async function storyboardOf(
  { db }: Pick<StepDeps, 'db'>,
  organizationId: string,
  slotId: string,
): Promise<
  | { readonly kind: 'ok'; readonly storyboard: Storyboard; readonly slot: SlotContent }
  | { readonly kind: 'bad'; readonly outcome: StepOutcome }
> {
  const slot = await readSlot(db, organizationId, slotId)
  const refused = notApproved(slot)
  if (refused) return { kind: 'bad', outcome: refused }
  const parsed = parseStoryboard(slot.storyboard)
  if (parsed.kind === 'ok') return { ...parsed, slot }
  const [issue] = parsed.issues
  const message = `The storyboard cannot be rendered: ${issue?.path ?? ''} ${issue?.message ?? ''}`
  return {
    kind: 'bad',
    outcome: fail({ kind: 'needsPerson', failure: failure('FIX_MEDIA', 'STORYBOARD_INVALID', message) }),
  }
}

/** Reads how much there is to do, and who is to see it. */
export async function openJob(
  deps: StepDeps,
  organizationId: string,
  { slotId }: { readonly slotId: string },
): Promise<StepOutcome> {
  const read = await storyboardOf(deps, organizationId, slotId)
  if (read.kind === 'bad') return read.outcome
  const { scenes } = read.storyboard
  const seconds = scenes.reduce((sum, scene) => sum + scene.seconds, 0)
  return done({ scenes: scenes.length, seconds: Math.ceil(seconds), audience: audienceOf(read.slot) })
}

function audienceOf({ mode, privacy }: SlotContent): Audience {
  if (mode === 'draft') return 'inbox'
  return privacy === 'PUBLIC_TO_EVERYONE' ? 'everyone' : 'some'
}
