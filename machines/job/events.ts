import type { Failure } from '../rules/failure.ts'

interface ReceivedEvent {
  /** When it happened by TikTok's clock, epoch milliseconds. */
  readonly createdAt: number
}

/** What TikTok tells of a post by itself. It comes at least once, in any order, sometimes never: polling finds the same. */
export type PostWebhookEvent =
  | (ReceivedEvent & { readonly type: 'postCompleted' })
  | (ReceivedEvent & {
      readonly type: 'postFailed'
      readonly canRetry: boolean
      readonly afterSeconds?: number
      readonly failure: Failure
    })
  | (ReceivedEvent & { readonly type: 'draftDelivered' })
  | (ReceivedEvent & { readonly type: 'postShown'; readonly postId: string | null })
  /** Taken down, made private or deleted: TikTok does not say which. */
  | (ReceivedEvent & { readonly type: 'postHidden'; readonly postId: string | null })

/** What people may ask of a job, and what it is told; steps and timers do the rest. */
export type JobEvent =
  | { readonly type: 'cancel' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'retry' }
  | { readonly type: 'quotaGranted' }
  /** The wall time of its slot means another instant by newer time zone data, epoch milliseconds. */
  | { readonly type: 'slotMoved'; readonly publishAt: number }
  /** What it is for may not be posted now: its plan is locked, for example. The failure says why. */
  | { readonly type: 'hold'; readonly failure: Failure }
  /** Nothing holds it any more. */
  | { readonly type: 'cleared' }
  /** The account's owner has connected it (again). */
  | { readonly type: 'accountConnected' }
  /** From the runtime: no worker got through with it, and the queue has given up. */
  | { readonly type: 'infrastructureFailed'; readonly failure: Failure }
  | PostWebhookEvent
