import type { Failure } from './failure.ts'

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

/** A post that TikTok has opened: until its last chunk is sent, nothing of it can ever be seen. */
export interface OpenPost {
  readonly publishId: string
  /** The upload address is a credential: it is stored sealed. */
  readonly uploadUrlSealed: string
  readonly chunkSize: number
  readonly chunkCount: number
}

/** How far the present work has come, for people who watch. `done` may be a fraction. */
export interface Progress {
  readonly done: number
  readonly of: number
  readonly unit: 'scenes' | 'chunks'
}

/** What a job knows. Where it is in its work follows from what it has: see `choosing` in the machine. */
export interface JobContext {
  readonly slotId: string
  readonly accountId: string
  /** The slot's time, epoch milliseconds. */
  readonly publishAt: number
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
  readonly post: OpenPost | null
  readonly inits: number
  readonly nextChunk: number
  /** Whether the last call about the post was not answered, so that its truth must be looked up first. */
  readonly unsure: boolean
  /** When the last chunk was sent, epoch milliseconds: from then on the post may exist. */
  readonly sentAt: number | null
  readonly polls: number
  readonly publicPostIds: readonly string[]
  readonly progress: Progress | null
  /** Tries of the present step that were answered "later", and how much later the upstream asked for. */
  readonly attempts: number
  readonly afterSeconds: number
  /** Asked for while a call was under way that must be heard out. */
  readonly wish: 'cancel' | 'pause' | null
  readonly ending: 'published' | 'cancelled' | 'failed' | null
  readonly failure: Failure | null
}

export interface JobInput {
  readonly slotId: string
  readonly accountId: string
  readonly publishAt: number
}

export function freshContext(input: JobInput): JobContext {
  return {
    slotId: input.slotId,
    accountId: input.accountId,
    publishAt: input.publishAt,
    scenes: 0,
    seconds: 0,
    reserved: false,
    clip: null,
    clipAttempt: 1,
    pollAfterMs: 0,
    clips: [],
    media: null,
    post: null,
    inits: 0,
    nextChunk: 0,
    unsure: false,
    sentAt: null,
    polls: 0,
    publicPostIds: [],
    progress: null,
    attempts: 0,
    afterSeconds: 0,
    wish: null,
    ending: null,
    failure: null,
  }
}
