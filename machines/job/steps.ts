import type { Failure } from '../rules/failure.ts'
import { step } from '../step.ts'
import type { Audience, ClipRef, Ending, KeptClip, KeptMedia, OpenPost } from './context.ts'

/** What the provider said of a clip. */
export type ClipProgress =
  | { readonly kind: 'running'; readonly progress: number; readonly pollAfterMs: number }
  | { readonly kind: 'ready' }
  /** It was not made; `canRetry` says whether submitting it anew may help. */
  | { readonly kind: 'broken'; readonly canRetry: boolean; readonly failure: Failure }

/** What TikTok said of a post whose bytes it has. */
export type PostProgress =
  | { readonly kind: 'processing' }
  /** Accepted, but not yet to be seen: a public post has no id before moderation is through. */
  | { readonly kind: 'inModeration' }
  | { readonly kind: 'public'; readonly postIds: readonly string[] }
  /** Posted, for a chosen few or for the creator alone. */
  | { readonly kind: 'private' }
  /** The draft lies in the creator's inbox. */
  | { readonly kind: 'delivered' }
  /** It will never appear; `canRetry` says whether TikTok allows a fresh attempt, and after how long one makes sense. */
  | {
      readonly kind: 'rejected'
      readonly canRetry: boolean
      readonly afterSeconds?: number
      readonly failure: Failure
    }
  /** TikTok does not know it any more, and it is not among the creator's posts either. */
  | { readonly kind: 'lost'; readonly failure: Failure }

/** The truth about a post after an answer was lost. */
export type PostTruth =
  /** Nothing was sent, so nothing can appear: it may be opened anew. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'partly'; readonly nextChunk: number }
  | { readonly kind: 'sent' }

interface AttemptCount {
  /** How often the step was tried in vain before. */
  readonly attempts: number
}

interface SlotInput extends AttemptCount {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: number
  readonly mayBeLate: boolean
}

/** The steps of the job machine: what each is given and what it answers when it has done its work. */
export const jobSteps = {
  /** Reads the slot's brief. */
  openJob: step<SlotInput, { readonly scenes: number; readonly seconds: number }>(),
  /** Looks whether what held the job still does. */
  checkHold: step<SlotInput & { readonly before: 'rendering' | 'posting' }>(),
  reserveQuota: step<{ readonly seconds: number }>(),
  submitClip: step<
    SlotInput & { readonly scene: number; readonly attempt: number },
    { readonly clip: ClipRef }
  >(),
  checkClip: step<AttemptCount & { readonly clip: ClipRef }, ClipProgress>(),
  keepClip: step<AttemptCount & { readonly clip: ClipRef }, { readonly kept: KeptClip }>(),
  storeVideo: step<SlotInput & { readonly clips: readonly KeptClip[] }, { readonly media: KeptMedia }>(),
  /** Holds the stored file against TikTok's rules and what is known of the creator's; costs no call. */
  checkMedia: step<SlotInput & { readonly media: KeptMedia }>(),
  /** Asks what the creator allows now, and makes sure that the token will outlast the upload. */
  preparePost: step<SlotInput & { readonly media: KeptMedia }>(),
  /** Opens the post as the slot says by then, and answers who is to see it. */
  initPost: step<
    SlotInput & { readonly media: KeptMedia },
    { readonly post: OpenPost; readonly audience: Audience }
  >(),
  uploadChunk: step<
    SlotInput & { readonly post: OpenPost; readonly media: KeptMedia; readonly chunk: number }
  >(),
  reconcilePost: step<
    SlotInput & {
      readonly post: OpenPost | null
      readonly media: KeptMedia
      readonly nextChunk: number
      readonly isUploadExpired: boolean
    },
    PostTruth
  >(),
  checkPost: step<
    SlotInput & { readonly post: OpenPost; readonly sentAt: number; readonly polls: number },
    PostProgress
  >(),
  /** Settles the quota and stops what is still under way. */
  closeJob: step<{
    readonly ending: Ending
    readonly clip: ClipRef | null
    readonly reserved: boolean
    readonly used: boolean
    readonly seconds: number
  }>(),
}
