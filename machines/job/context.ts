import type { Failure } from '../rules/failure.ts'

/** The provider's reference to a submitted clip: opaque JSON without secrets. */
export type ClipRef = { readonly [key: string]: string | number | boolean | null | object }

/** A clip in our storage. */
export interface KeptClip {
  readonly sha256: string
  readonly bytes: number
}

/** The containers that TikTok takes. */
export type VideoType = 'video/mp4' | 'video/quicktime' | 'video/webm'

/** The video that is posted, as it is. */
export interface KeptMedia extends KeptClip {
  readonly contentType: VideoType
  readonly seconds: number
  readonly width: number
  readonly height: number
}

/**
 * Who may see the post: everyone, after TikTok's moderation; a restricted audience; or only the creator, as a draft in the
 * inbox.
 */
export type Audience = 'everyone' | 'some' | 'inbox'

/** A post that TikTok has opened. Nothing of it is visible before its last chunk is sent. */
export interface OpenPost {
  readonly publishId: string
  /** The upload URL is a credential, so it is stored encrypted. */
  readonly uploadUrlSealed: string
  /** The approval under which it was opened; null if machine version 1 opened it. */
  readonly approvedHash: string | null
  readonly chunkSize: number
  readonly chunkCount: number
}

/** Progress of the current work, for display. `completed` may be a fraction. */
export interface Progress {
  readonly completed: number
  readonly total: number
  readonly unit: 'scenes' | 'chunks'
}

/** A preview renders the video of a storyboard and posts nothing. */
export type Purpose = 'post' | 'preview'

/** How a job ends after `closeJob` has settled its quota. */
export type Ending = 'rendered' | 'published' | 'delivered' | 'cancelled' | 'failed'

/** The job's data. The state to resume in follows from it: see `resuming` in the machine. */
export interface JobContext {
  readonly purpose: Purpose
  readonly slotId: string
  readonly accountId: string
  /** The slot's time, epoch milliseconds. */
  readonly publishAt: number
  /** Whether a person allowed posting long after the slot's time. */
  readonly mayBeLate: boolean
  /** Read from the slot when the post is opened; meaningless before. */
  readonly audience: Audience
  /** The media of the slot, or the video of its preview, read when the job was opened; null if the job generates the video. */
  readonly provided: KeptMedia | null
  /** The number of scenes to generate, and the length of the video, rounded up to whole seconds. */
  readonly scenes: number
  readonly seconds: number
  readonly reserved: boolean
  /** The clip being rendered, and the 1-based attempt for its scene. */
  readonly clip: ClipRef | null
  readonly clipAttempt: number
  /** Milliseconds from the provider's last response to the next poll. */
  readonly pollAfterMs: number
  readonly clips: readonly KeptClip[]
  readonly media: KeptMedia | null
  /** Whether the stored file was checked against TikTok's rules. */
  readonly checked: boolean
  readonly post: OpenPost | null
  readonly initAttempts: number
  readonly nextChunk: number
  /** Whether the response to the last call about the post was lost. The outcome must be looked up before anything is repeated. */
  readonly outcomeUnknown: boolean
  /** When the last chunk was sent, epoch milliseconds. From then on the post may exist. */
  readonly sentAt: number | null
  /** TikTok's processing stage at the last poll; null before the first. */
  readonly stage: 'processing' | 'inModeration' | null
  /** Start of the watching period, epoch milliseconds; a person's retry restarts it. */
  readonly watchedSince: number | null
  readonly polls: number
  readonly publicPostIds: readonly string[]
  /** Null until TikTok reports it. `hidden`: it was public and no longer is. */
  readonly visibility: 'public' | 'private' | 'hidden' | null
  /** TikTok's time of the newest applied webhook, epoch milliseconds. Older ones are ignored. */
  readonly lastWebhookAt: number
  readonly progress: Progress | null
  /** Failed attempts of the current step, and the delay that the upstream requested. */
  readonly attempts: number
  readonly afterSeconds: number
  /** Requested during a call that must complete first. */
  readonly pendingRequest: 'cancel' | 'pause' | null
  readonly ending: Ending | null
  readonly failure: Failure | null
}

export interface JobInput {
  /** Default: `post`. */
  readonly purpose?: Purpose
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: number
}

/** The context's fields while no post is open. */
export const noPost = {
  post: null,
  nextChunk: 0,
  outcomeUnknown: false,
  sentAt: null,
  stage: null,
  watchedSince: null,
  polls: 0,
  progress: null,
} as const

export function initialContext(input: JobInput): JobContext {
  return {
    purpose: input.purpose ?? 'post',
    slotId: input.slotId,
    accountId: input.accountId,
    publishAt: input.publishAt,
    mayBeLate: false,
    audience: 'everyone',
    provided: null,
    scenes: 0,
    seconds: 0,
    reserved: false,
    clip: null,
    clipAttempt: 1,
    pollAfterMs: 0,
    clips: [],
    media: null,
    checked: false,
    initAttempts: 0,
    ...noPost,
    publicPostIds: [],
    visibility: null,
    lastWebhookAt: 0,
    attempts: 0,
    afterSeconds: 0,
    pendingRequest: null,
    ending: null,
    failure: null,
  }
}
