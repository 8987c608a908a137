import type { ReadableStream } from 'node:stream/web'
import type { Storyboard } from '../../storyboard/storyboard.ts'

export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue }

/** An amount in millionths of the currency's unit: `{ currency: 'USD', micros: 250_000 }` is 25 cents. */
export interface Money {
  readonly currency: string
  readonly micros: number
}

/** A request for the clip of one scene. Repeated requests have the same `key`. */
export interface ClipRequest {
  readonly key: string
  readonly storyboard: Storyboard
  readonly sceneIndex: number
}

/** A request fitted to the provider's model and priced. JSON, so that it can be stored before it is sent. */
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

/** The provider cannot make this clip. `message` says what is wrong and what is valid. */
export interface PlanRefusal {
  readonly kind: 'refused'
  readonly message: string
}

/** Identifies a submitted job at its provider. Opaque, without secrets, stored as JSON; any process can poll with it. */
export interface JobRef {
  readonly v: 1
  readonly provider: string
  readonly model: string
  readonly data: JsonValue
}

/** A finished file of a job. It has a name and no URL, because URLs expire: `open` finds a current one. Unknown fields are absent. */
export interface Asset {
  readonly name: string
  readonly contentType: string
  readonly bytes?: number
  readonly sha256?: string
}

/** Why a job failed. Only `capacity`, `provider` and `expired` are worth a retry. */
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
  /** When the video is published. An organization's queued clips are made in this order. */
  readonly dueAt?: Date
  /** Whose video it is. Organizations take turns at a provider's queue. */
  readonly organizationId?: string
  /** The clips that are submitted next, for a provider that works ahead. They cost nothing before their own `submit`. */
  readonly upcoming?: readonly ClipPlan[]
}

export interface VideoProviderTraits {
  /** A repeated `submit` of the same plan costs nothing and starts no second job. */
  readonly idempotentSubmit: boolean
  readonly cancellable: boolean
  readonly webhooks: boolean
  readonly minPollMs: number
  /** Lifetime of an asset's URL. */
  readonly urlTtlMs: number
  /** How long the provider knows a job. Default: as long as its assets exist. */
  readonly referenceTtlMs?: number
}

/**
 * Makes clips in four steps, between which a process may crash: plan, submit, poll, open.
 *
 * The reference that `submit` returns is all that a later process needs, so a crash costs another poll and never another
 * clip.
 */
export interface VideoProvider {
  readonly id: string
  readonly traits: VideoProviderTraits

  /** Fits a request to the model. Pure: uses no network and no clock. */
  plan(request: ClipRequest): ClipPlan | PlanRefusal

  /**
   * Starts the job in exactly one attempt.
   * Throws SubmitRejected (not accepted), SubmitNotSent (not accepted, retry) or SubmitUnknown (possibly accepted).
   */
  submit(plan: ClipPlan, options: SubmitOptions): Promise<JobRef>

  /** Reads the state of a job once. Throws PollTransient when the request failed, which says nothing about the job. */
  poll(ref: JobRef, options: { readonly signal: AbortSignal }): Promise<JobState>

  /** Streams a finished asset. Throws PollTransient when it cannot be read now. An incomplete stream fails. */
  open(
    ref: JobRef,
    asset: Asset,
    options: { readonly signal: AbortSignal },
  ): Promise<ReadableStream<Uint8Array>>

  /** Stops the job if that is still possible. The caller's job is canceled in either case. */
  cancel?(ref: JobRef): Promise<void>

  /** Verifies a webhook's signature. The result is a reason to poll, not a state. */
  verifyWebhook?(body: Uint8Array, headers: Headers): Promise<{ readonly jobId: string }>
}

/** The provider refused the job. A retry does not help. */
export class SubmitRejected extends Error {
  override readonly name = 'SubmitRejected'
}

/** The job was certainly not accepted (no connection, 429). A retry is safe. */
export class SubmitNotSent extends Error {
  override readonly name = 'SubmitNotSent'
}

/** The answer was lost (timeout, 5xx): the job may have been accepted and may be paid for. */
export class SubmitUnknown extends Error {
  override readonly name = 'SubmitUnknown'
}

/** The poll failed, not the job (408, 429, 5xx, network, unreadable answer). Poll again later. */
export class PollTransient extends Error {
  override readonly name = 'PollTransient'
}
