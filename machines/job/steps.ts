import type { Failure } from '../rules/failure.ts'
import { step } from '../step.ts'
import type { Audience, ClipRef, Ending, KeptClip, KeptMedia, OpenPost, Purpose } from './context.ts'

/** The provider's status of a clip. */
export type ClipProgress =
  | { readonly kind: 'running'; readonly progress: number; readonly pollAfterMs: number }
  | { readonly kind: 'ready' }
  /** Rendering failed; `canRetry` says whether submitting it again may help. */
  | { readonly kind: 'broken'; readonly canRetry: boolean; readonly failure: Failure }

/** TikTok's status of a post whose bytes it has. */
export type PostProgress =
  | { readonly kind: 'processing' }
  /** Accepted, not yet visible: a public post has no id before moderation ends. */
  | { readonly kind: 'inModeration' }
  | { readonly kind: 'public'; readonly postIds: readonly string[] }
  /** Posted to a restricted audience. */
  | { readonly kind: 'private' }
  /** The draft is in the creator's inbox. */
  | { readonly kind: 'delivered' }
  /** It will never appear. `canRetry` says whether TikTok allows a fresh post, `afterSeconds` when to open it. */
  | {
      readonly kind: 'rejected'
      readonly canRetry: boolean
      readonly afterSeconds?: number
      readonly failure: Failure
    }
  /** TikTok no longer knows it, and it is not among the creator's posts. */
  | { readonly kind: 'lost'; readonly failure: Failure }

/** What a lookup finds about a post after a lost response. */
export type PostTruth =
  /** Nothing was sent, so nothing can appear: another post may be opened. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'partly'; readonly nextChunk: number }
  | { readonly kind: 'sent' }

interface AttemptCount {
  /** Failed attempts of the step so far. */
  readonly attempts: number
}

interface SlotInput extends AttemptCount {
  readonly purpose: Purpose
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: number
  readonly mayBeLate: boolean
}

/** The steps of the job machine, with their input and output types. */
export const jobSteps = {
  /** Reads the slot's content: the scenes to generate, or the media to post. */
  openJob: step<
    SlotInput,
    { readonly scenes: number; readonly seconds: number; readonly media?: KeptMedia }
  >(),
  /** Checks whether the hold is lifted. */
  checkHold: step<SlotInput & { readonly before: 'rendering' | 'posting' }>(),
  reserveQuota: step<{
    readonly purpose: Purpose
    readonly seconds: number
    readonly isGenerated: boolean
  }>(),
  submitClip: step<
    SlotInput & { readonly scene: number; readonly attempt: number },
    { readonly clip: ClipRef }
  >(),
  checkClip: step<AttemptCount & { readonly clip: ClipRef }, ClipProgress>(),
  keepClip: step<AttemptCount & { readonly clip: ClipRef }, { readonly kept: KeptClip }>(),
  storeVideo: step<SlotInput & { readonly clips: readonly KeptClip[] }, { readonly media: KeptMedia }>(),
  /** Checks the stored file against TikTok's rules and the creator's known limits, without a call. */
  checkMedia: step<SlotInput & { readonly media: KeptMedia }>(),
  /** Reads the creator's current settings and ensures that the token outlasts the upload. */
  preparePost: step<SlotInput & { readonly media: KeptMedia }>(),
  /** Opens the post with the slot's current content and returns its audience. */
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
  /** Settles the quota and cancels a clip that is still rendering. */
  closeJob: step<{
    readonly ending: Ending
    readonly clip: ClipRef | null
    readonly reserved: boolean
    readonly used: boolean
    readonly seconds: number
  }>(),
}
