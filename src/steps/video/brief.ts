import type { StepContext, StepOutcome } from '../../durable/step.ts'
import type { SlotMedia } from '../../store/job/clearance.ts'
import { findPreviewStoryboard } from '../../store/plan/previews.ts'
import { parseStoryboard } from '../../storyboard/parse-storyboard.ts'
import type { Storyboard } from '../../storyboard/storyboard.ts'
import { ownFailure } from '../failure.ts'
import { needsPerson } from '../outcome.ts'
import { checkClearance, type SlotInput } from '../post/clearance.ts'
import { checkUsable } from '../post/content.ts'
import { readSlot } from '../post/slot.ts'
import type { StepDeps } from '../step-deps.ts'

type Stopped = { readonly kind: 'stopped'; readonly outcome: StepOutcome }
type StoryboardBrief = { readonly kind: 'storyboard'; readonly storyboard: Storyboard; readonly dueAt: Date }

/** What a job works from. */
type Brief =
  | StoryboardBrief
  /** There is a video already: the slot's media, or what a preview has rendered of its storyboard. */
  | { readonly kind: 'video'; readonly video: SlotMedia }

/** Reads what a job works from, if it may go on. A preview needs no approval, and no time but now: a person waits for it. */
export async function readBrief(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput,
): Promise<Brief | Stopped> {
  if (input.purpose === 'preview') return await ofPreview(deps, context)
  const clearance = await checkClearance(deps, context, input, 'rendering')
  if (clearance.kind === 'stopped') return clearance
  const { slot } = clearance
  const outcome = checkUsable(slot)
  if (outcome) return { kind: 'stopped', outcome }
  const video = slot.media ?? slot.preview
  return video ? { kind: 'video', video } : briefOf(slot.storyboard, slot.publishAt)
}

/** Reads the storyboard whose next scene a job renders, if it may go on. What it has begun to render, it renders to the end. */
export async function readStoryboardToRender(
  deps: StepDeps,
  context: StepContext,
  input: SlotInput,
): Promise<StoryboardBrief | Stopped> {
  if (input.purpose === 'preview') return await ofPreview(deps, context)
  const clearance = await checkClearance(deps, context, input, 'rendering')
  if (clearance.kind === 'stopped') return clearance
  return briefOf(clearance.slot.storyboard, clearance.slot.publishAt)
}

/** Reads the storyboard whose scenes a job has rendered. */
export async function readRenderedStoryboard(
  deps: StepDeps,
  context: StepContext,
  { purpose, slotId }: Pick<SlotInput, 'purpose' | 'slotId'>,
): Promise<StoryboardBrief | Stopped> {
  if (purpose === 'preview') return await ofPreview(deps, context)
  const slot = await readSlot(deps.db, context.organizationId, slotId)
  return briefOf(slot.storyboard, slot.publishAt)
}

/** The storyboard at the preview's start: its slot may have changed or gone since. */
async function ofPreview({ db }: StepDeps, { organizationId, jobId, now }: StepContext) {
  return briefOf(await findPreviewStoryboard(db, organizationId, jobId), new Date(now()))
}

/** A storyboard is validated as strictly as when it was written. */
function briefOf(storyboard: unknown, dueAt: Date): StoryboardBrief | Stopped {
  const parsed = parseStoryboard(storyboard)
  if (parsed.kind === 'ok') return { kind: 'storyboard', storyboard: parsed.storyboard, dueAt }
  const [issue] = parsed.issues
  const message = `The storyboard cannot be rendered: ${issue?.path ?? ''} ${issue?.message ?? ''}`
  return { kind: 'stopped', outcome: needsPerson(ownFailure('FIX_MEDIA', 'STORYBOARD_INVALID', message)) }
}
