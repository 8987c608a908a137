import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import type { SlotContent } from '../store/plan/slots.ts'
import { parseStoryboard } from '../storyboard/parse-storyboard.ts'
import type { Storyboard } from '../storyboard/storyboard.ts'
import { ownFailure } from './failure.ts'
import { needsPerson } from './outcome.ts'
import { checkClearance, type SlotInput } from './post/clearance.ts'
import { checkUsable, keptMediaOf } from './post/content.ts'
import type { StepDeps } from './step-deps.ts'

type StoryboardRead =
  | { readonly kind: 'ok'; readonly storyboard: Storyboard }
  | { readonly kind: 'invalid'; readonly outcome: StepOutcome }

/** The slot's storyboard, validated as strictly as when it was written. */
export function readStoryboard(slot: SlotContent): StoryboardRead {
  const parsed = parseStoryboard(slot.storyboard)
  if (parsed.kind === 'ok') return parsed
  const [issue] = parsed.issues
  const message = `The storyboard cannot be rendered: ${issue?.path ?? ''} ${issue?.message ?? ''}`
  return { kind: 'invalid', outcome: needsPerson(ownFailure('FIX_MEDIA', 'STORYBOARD_INVALID', message)) }
}

/** Counts the scenes and seconds that the job has to render, or finds the media that it posts. */
export async function openJob(deps: StepDeps, context: StepContext, input: SlotInput): Promise<StepOutcome> {
  const clearance = await checkClearance(deps, context, input, 'rendering')
  if (clearance.kind === 'stopped') return clearance.outcome
  const { slot } = clearance
  const stopped = checkUsable(slot)
  if (stopped) return stopped
  const { media } = slot
  if (media) return done({ scenes: 0, seconds: Math.ceil(media.seconds), media: { ...keptMediaOf(media) } })
  const read = readStoryboard(slot)
  if (read.kind === 'invalid') return read.outcome
  const { scenes } = read.storyboard
  const seconds = scenes.reduce((sum, scene) => sum + scene.seconds, 0)
  return done({ scenes: scenes.length, seconds: Math.ceil(seconds) })
}
