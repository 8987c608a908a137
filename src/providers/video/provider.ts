import type { ReadableStream } from 'node:stream/web'
import type { Storyboard } from '../../storyboard/storyboard.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** An amount of money in millionths of its currency's unit: `{ currency: 'USD', micros: 250_000 }` is 25 cents. */
export interface Money {
  readonly currency: string
  readonly micros: number
}

/** One scene to be turned into one clip. `key` stays the same however often the same request is made. */
export interface ClipRequest {
  readonly key: string
  readonly storyboard: Storyboard
  readonly sceneIndex: number
}

/** What a provider will make of a request: fitted to its model, priced, and JSON, so that it can be stored before it is sent. */
export interface ClipPlan {
  readonly kind: 'planned'
  readonly key: string
  readonly model: string
  readonly width: number
  readonly height: number
  readonly seconds: number
  readonly cost?: Money
  readonly input: JsonValue
}

/** The provider cannot make this clip at all. `message` says what is wrong and what would be right. */
export interface PlanRefusal {
  readonly kind: 'refused'
  readonly message: string
}

/** Names a submitted job to its provider. Opaque, free of secrets, stored as JSON; another process polls with it. */
export interface JobRef {
  readonly v: 1
  readonly provider: string
  readonly model: string
  readonly data: JsonValue
}

/** A finished file of a job, named rather than addressed: `open` finds a fresh way to it. Unknown figures are absent. */
export interface Asset {
  readonly name: string
  readonly contentType: string
  readonly bytes?: number
  readonly sha256?: string
}

/** Why a job failed. Only `capacity`, `provider` and `expired` may turn out differently when asked again. */
export type FailureClass = 'content' | 'input' | 'capacity' | 'provider' | 'expired' | 'canceled'

export type JobState =
  | { readonly kind: 'queued'; readonly position?: number; readonly pollAfterMs: number }
  | { readonly kind: 'running'; readonly progress?: number; readonly pollAfterMs: number }
  | { readonly kind: 'done'; readonly assets: readonly Asset[]; readonly cost?: Money }
  | {
      readonly kind: 'failed'
      readonly class: FailureClass
      readonly code?: string
      readonly message: string
      readonly billed?: boolean
    }

export interface SubmitOptions {
  readonly signal: AbortSignal
  readonly webhookUrl?: string
  /** When the video is to be published: of those that wait, the earliest comes first. */
  readonly dueAt?: Date
  /** What is asked for next, for a provider that works ahead. It is submitted all the same, and not paid for before that. */
  readonly upcoming?: readonly ClipPlan[]
}

export interface VideoProviderTraits {
  /** A repeated `submit` of the same plan costs nothing and makes nothing twice. */
  readonly idempotentSubmit: boolean
  readonly cancellable: boolean
  readonly webhooks: boolean
  readonly minPollMs: number
  /** How long an asset's address lives once it is known. */
  readonly urlTtlMs: number
  /** How long the provider remembers a job. Absent: as long as the assets exist. */
  readonly referenceTtlMs?: number
}

/**
 * Makes clips, in steps that a crash may separate: plan, submit, poll, open.
 *
 * The reference returned by `submit` is all that a later process needs, so a crash between two steps costs one more
 * poll and never one more clip.
 */
export interface VideoProvider {
  readonly id: string
  readonly traits: VideoProviderTraits

  /** Fits a request to the model. Pure: no network, no clock. */
  plan(request: ClipRequest): ClipPlan | PlanRefusal

  /**
   * Starts the job in exactly one attempt.
   * Throws SubmitRejected, SubmitNotSent or SubmitUnknown: the three answers to "was it accepted?".
   */
  submit(plan: ClipPlan, options: SubmitOptions): Promise<JobRef>

  /** Asks once. Throws PollTransient when the question itself failed, which says nothing about the job. */
  poll(ref: JobRef, options: { readonly signal: AbortSignal }): Promise<JobState>

  /** Streams a finished asset. Throws PollTransient when it cannot be read now; the stream fails if it ends short. */
  open(
    ref: JobRef,
    asset: Asset,
    options: { readonly signal: AbortSignal },
  ): Promise<ReadableStream<Uint8Array>>

  /** Stops the job if that is still possible. The caller's own state stays canceled whatever comes of it. */
  cancel?(ref: JobRef): Promise<void>

  /** Checks a webhook's signature. The answer is a reason to poll, never news by itself. */
  verifyWebhook?(body: Uint8Array, headers: Headers): Promise<{ readonly jobId: string }>
}

/** The provider said no and means it: nothing was accepted, and asking again will not help. */
export class SubmitRejected extends Error {
  override readonly name = 'SubmitRejected'
}

/** Surely not accepted (no connection, 429): may be sent again freely. */
export class SubmitNotSent extends Error {
  override readonly name = 'SubmitNotSent'
}

/** Sent, but the answer was lost (timeout, 5xx): it may have been accepted and may be paid for. */
export class SubmitUnknown extends Error {
  override readonly name = 'SubmitUnknown'
}

/** The question failed, not the job (408, 429, 5xx, network, unreadable answer): ask again later. */
export class PollTransient extends Error {
  override readonly name = 'PollTransient'
}
