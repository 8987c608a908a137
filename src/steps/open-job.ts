import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import type { SlotContent } from '../store/plan/slots.ts'
import { parseStoryboard } from '../storyboard/parse-storyboard.ts'
import type { Storyboard } from '../storyboard/storyboard.ts'
import { fail, failure } from './failure.ts'
import { clearanceFor, type OfSlot } from './post/clearance.ts'
import type { StepDeps } from './step-deps.ts'

type StoryboardRead =
  | { readonly kind: 'ok'; readonly storyboard: Storyboard }
  | { readonly kind: 'bad'; readonly outcome: StepOutcome }

/** The brief's storyboard, read as strictly as when it was written. */
export function storyboardOf(slot: SlotContent): StoryboardRead {
  const parsed = parseStoryboard(slot.storyboard)
  if (parsed.kind === 'ok') return parsed
  const [issue] = parsed.issues
  const message = `The storyboard cannot be rendered: ${issue?.path ?? ''} ${issue?.message ?? ''}`
  return {
    kind: 'bad',
    outcome: fail({ kind: 'needsPerson', failure: failure('FIX_MEDIA', 'STORYBOARD_INVALID', message) }),
  }
}

/** Reads how much there is to do. */
export async function openJob(deps: StepDeps, context: StepContext, input: OfSlot): Promise<StepOutcome> {
  const clearance = await clearanceFor(deps, context, input, 'rendering')
  if (clearance.kind === 'stop') return clearance.outcome
  const { slot } = clearance
  const read = storyboardOf(slot)
  if (read.kind === 'bad') return read.outcome
  const { scenes } = read.storyboard
  const seconds = scenes.reduce((sum, scene) => sum + scene.seconds, 0)
  return done({ scenes: scenes.length, seconds: Math.ceil(seconds) })
}
