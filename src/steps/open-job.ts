import { done, type StepContext, type StepOutcome } from '../durable/step.ts'
import type { SlotInput } from './post/clearance.ts'
import { keptMediaOf } from './post/content.ts'
import type { StepDeps } from './step-deps.ts'
import { readBrief } from './video/brief.ts'

/** Counts the scenes and seconds that the job has to render, or finds the video that it posts. */
export async function openJob(deps: StepDeps, context: StepContext, input: SlotInput): Promise<StepOutcome> {
  const brief = await readBrief(deps, context, input)
  switch (brief.kind) {
    case 'stopped':
      return brief.outcome
    case 'video':
      return done({
        scenes: 0,
        seconds: Math.ceil(brief.video.seconds),
        media: { ...keptMediaOf(brief.video) },
      })
    case 'storyboard': {
      const { scenes } = brief.storyboard
      const seconds = scenes.reduce((sum, scene) => sum + scene.seconds, 0)
      return done({ scenes: scenes.length, seconds: Math.ceil(seconds) })
    }
  }
}
