import type { Failure } from './failure.ts'
import type { ClipRef, JobContext, KeptClip, KeptMedia, OpenPost } from './job-context.ts'
import { step } from './step.ts'

/** What the provider said of a clip. */
export type ClipProgress =
  | { readonly kind: 'running'; readonly progress: number; readonly pollAfterMs: number }
  | { readonly kind: 'ready' }
  /** It was not made; `again` says whether submitting it anew may help. */
  | { readonly kind: 'broken'; readonly again: boolean; readonly failure: Failure }

/** What TikTok said of a post whose bytes it has. */
export type PostNews =
  | { readonly kind: 'processing' }
  /** Accepted, but not yet to be seen: a public post has no id before moderation is through. */
  | { readonly kind: 'inModeration' }
  | { readonly kind: 'published'; readonly publicPostIds: readonly string[] }
  /** It will never appear; `again` says whether TikTok allows a fresh attempt. */
  | { readonly kind: 'rejected'; readonly again: boolean; readonly failure: Failure }

/** The truth about a post after an answer was lost. */
export type PostTruth =
  /** Nothing was sent, so nothing can appear: it may be opened anew. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'partly'; readonly nextChunk: number }
  | { readonly kind: 'sent' }

interface OfSlot {
  readonly slotId: string
  readonly accountId: string
}

/** The steps of the job machine: what each is given and what it answers when it has done its work. */
export const jobSteps = {
  /** Reads the slot's brief. */
  openJob: step<OfSlot, { readonly scenes: number; readonly seconds: number }>(),
  reserveQuota: step<{ readonly seconds: number }>(),
  submitClip: step<
    OfSlot & { readonly scene: number; readonly attempt: number },
    { readonly clip: ClipRef }
  >(),
  checkClip: step<{ readonly clip: ClipRef }, ClipProgress>(),
  keepClip: step<{ readonly clip: ClipRef }, { readonly kept: KeptClip }>(),
  storeVideo: step<OfSlot & { readonly clips: readonly KeptClip[] }, { readonly media: KeptMedia }>(),
  /** Asks what the creator allows now, and makes sure that the token will outlast the upload. */
  preparePost: step<OfSlot & { readonly media: KeptMedia }>(),
  initPost: step<OfSlot & { readonly media: KeptMedia }, { readonly post: OpenPost }>(),
  uploadChunk: step<{ readonly post: OpenPost; readonly media: KeptMedia; readonly chunk: number }>(),
  reconcilePost: step<
    OfSlot & {
      readonly post: OpenPost | null
      readonly media: KeptMedia
      readonly nextChunk: number
      readonly lapsed: boolean
    },
    PostTruth
  >(),
  checkPost: step<OfSlot & { readonly post: OpenPost }, PostNews>(),
  /** Settles the quota and stops what is still under way. */
  closeJob: step<{
    readonly ending: NonNullable<JobContext['ending']>
    readonly clip: ClipRef | null
    readonly reserved: boolean
    readonly used: boolean
    readonly seconds: number
  }>(),
}
