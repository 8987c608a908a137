import type { Json } from '../durable/checkpoint.ts'
import type { StepCatalogue, StepContext, StepOutcome } from '../durable/step.ts'
import { refreshTokens, revokeTokens } from './account/tokens.ts'
import { closeJob } from './close-job.ts'
import { createHostFaults } from './host-faults.ts'
import { openJob } from './open-job.ts'
import { checkPost } from './post/check-post.ts'
import { checkHold } from './post/clearance.ts'
import { initPost } from './post/init-post.ts'
import { preparePost } from './post/prepare-post.ts'
import { reconcilePost } from './post/reconcile-post.ts'
import { uploadChunk } from './post/upload-chunk.ts'
import { reserveQuota } from './reserve-quota.ts'
import type { StepDeps } from './step-deps.ts'
import { checkMedia } from './video/check-media.ts'
import { checkClip, keepClip, submitClip } from './video/clip.ts'
import { storeVideo } from './video/store-video.ts'

/** The steps of all machines, by the names that their states invoke. */
export function createSteps(deps: StepDeps): StepCatalogue {
  /** A step's input is what the machine computed for it, and was JSON on its way: the machine's types hold. */
  const given =
    <Input>(perform: (deps: StepDeps, context: StepContext, input: Input) => Promise<StepOutcome>) =>
    (input: Json, context: StepContext) =>
      perform(deps, context, input as Input)

  const steps: StepCatalogue = {
    openJob: given(openJob),
    checkHold: given(checkHold),
    reserveQuota: given(reserveQuota),
    submitClip: given(submitClip),
    checkClip: given(checkClip),
    keepClip: given(keepClip),
    storeVideo: given(storeVideo),
    checkMedia: given(checkMedia),
    preparePost: given(preparePost),
    initPost: given(initPost),
    uploadChunk: given(uploadChunk),
    reconcilePost: given(reconcilePost),
    checkPost: given(checkPost),
    closeJob: given(closeJob),
    refreshTokens: given(refreshTokens),
    revokeTokens: given(revokeTokens),
  }
  const guarded = createHostFaults((news) => deps.report?.(news))
  return Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, guarded(name, step)]))
}
