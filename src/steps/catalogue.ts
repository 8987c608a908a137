import type { Json } from '../durable/checkpoint.ts'
import type { StepCatalogue, StepContext, StepOutcome } from '../durable/step.ts'
import { refreshTokens, revokeTokens } from './account/tokens.ts'
import { closeJob } from './close-job.ts'
import { createHostFaultGuard } from './host-faults.ts'
import { checkUpload } from './media/check-upload.ts'
import { convertUpload } from './media/convert-upload.ts'
import { makePreviews } from './media/make-previews.ts'
import { purgeMedia } from './media/purge-media.ts'
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
  /** The machine computed the input with its own types, and it went through the database as JSON: the cast is safe. */
  const typed =
    <Input>(perform: (deps: StepDeps, context: StepContext, input: Input) => Promise<StepOutcome>) =>
    (input: Json, context: StepContext) =>
      perform(deps, context, input as Input)

  const steps: StepCatalogue = {
    openJob: typed(openJob),
    checkHold: typed(checkHold),
    reserveQuota: typed(reserveQuota),
    submitClip: typed(submitClip),
    checkClip: typed(checkClip),
    keepClip: typed(keepClip),
    storeVideo: typed(storeVideo),
    checkMedia: typed(checkMedia),
    preparePost: typed(preparePost),
    initPost: typed(initPost),
    uploadChunk: typed(uploadChunk),
    reconcilePost: typed(reconcilePost),
    checkPost: typed(checkPost),
    closeJob: typed(closeJob),
    checkUpload: typed(checkUpload),
    makePreviews: typed(makePreviews),
    convertUpload: typed(convertUpload),
    purgeMedia: typed(purgeMedia),
    refreshTokens: typed(refreshTokens),
    revokeTokens: typed(revokeTokens),
  }
  const guarded = createHostFaultGuard((report) => deps.report?.(report))
  return Object.fromEntries(Object.entries(steps).map(([name, step]) => [name, guarded(name, step)]))
}
