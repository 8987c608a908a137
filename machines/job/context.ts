import type { Failure } from '../rules/failure.ts'

/** A provider's own name for a submitted clip: opaque JSON, free of secrets. */
export type ClipRef = { readonly [key: string]: string | number | boolean | null | object }

/** A clip that is kept in storage. */
export interface KeptClip {
  readonly sha256: string
  readonly bytes: number
}

/** The finished video. */
export interface KeptMedia extends KeptClip {
  readonly seconds: number
  readonly width: number
  readonly height: number
}

/**
 * Who is to see the post: everyone, which TikTok moderates first; a chosen few; or for now only the creator, as a draft in
 * their inbox.
 */
export type Audience = 'everyone' | 'some' | 'inbox'

/** A post that TikTok has opened: until its last chunk is sent, nothing of it can ever be seen. */
export interface OpenPost {
  readonly publishId: string
  /** The upload address is a credential: it is stored sealed. */
  readonly uploadUrlSealed: string
  /** The approval under which it was opened; null of one that an older version opened. */
  readonly approvedHash: string | null
  readonly chunkSize: number
  readonly chunkCount: number
}

/** How far the present work has come, for people who watch. `done` may be a fraction. */
export interface Progress {
  readonly completed: number
  readonly total: number
  readonly unit: 'scenes' | 'chunks'
}

/** How a job ends once its books are closed. */
export type Ending = 'published' | 'delivered' | 'cancelled' | 'failed'

/** What a job knows. Where it is in its work follows from what it has: see `resuming` in the machine. */
export interface JobContext {
  readonly slotId: string
  readonly accountId: string
  /** The slot's time, epoch milliseconds. */
  readonly publishAt: number
  /** Whether a person has said that it shall be posted although its time passed long ago. */
  readonly mayBeLate: boolean
  /** As the slot said when the post was opened; it means nothing before that. */
  readonly audience: Audience
  /** From the storyboard: how many scenes and how long, rounded up to whole seconds. */
  readonly scenes: number
  readonly seconds: number
  readonly reserved: boolean
  /** The clip now being made, and how often its scene was submitted. */
  readonly clip: ClipRef | null
  readonly clipAttempt: number
  /** When to ask the provider again, in milliseconds from the last answer. */
  readonly pollAfterMs: number
  readonly clips: readonly KeptClip[]
  readonly media: KeptMedia | null
  /** Whether the stored file was held against TikTok's rules. */
  readonly checked: boolean
  readonly post: OpenPost | null
  readonly initAttempts: number
  readonly nextChunk: number
  /** Whether the last call about the post was not answered, so that its truth must be looked up first. */
  readonly outcomeUnknown: boolean
  /** When the last chunk was sent, epoch milliseconds: from then on the post may exist. */
  readonly sentAt: number | null
  /** How far TikTok was when it was last asked; null before that. */
  readonly stage: 'processing' | 'inModeration' | null
  /** Since when it is watched: a person may ask to go on after the time is over. */
  readonly watchedSince: number | null
  readonly polls: number
  readonly publicPostIds: readonly string[]
  /** What is known of who can see it: null until TikTok has said; hidden is what was public and is not any more. */
  readonly visibility: 'public' | 'private' | 'hidden' | null
  /** TikTok's time of the last news by webhook that counted, epoch milliseconds: what is older comes too late. */
  readonly lastWebhookAt: number
  readonly progress: Progress | null
  /** Tries of the present step that were answered "later", and how much later the upstream asked for. */
  readonly attempts: number
  readonly afterSeconds: number
  /** Asked for while a call was under way that must be heard out. */
  readonly pendingRequest: 'cancel' | 'pause' | null
  readonly ending: Ending | null
  readonly failure: Failure | null
}

export interface JobInput {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: number
}

/** What is known while there is no post, or none any more. */
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
    slotId: input.slotId,
    accountId: input.accountId,
    publishAt: input.publishAt,
    mayBeLate: false,
    audience: 'everyone',
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
