import type { Failure } from '../rules/failure.ts'

interface ReceivedEvent {
  /** Time of the event by TikTok's clock, epoch milliseconds. */
  readonly createdAt: number
}

/** TikTok's webhooks about a post. They arrive in any order, more than once or never; polling finds the same. */
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
  /** Taken down, made private or deleted; TikTok does not tell which. */
  | (ReceivedEvent & { readonly type: 'postHidden'; readonly postId: string | null })

/** The job's external events, from people, other parts of the program and webhooks. */
export type JobEvent =
  | { readonly type: 'cancel' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'retry' }
  | { readonly type: 'quotaGranted' }
  /** Newer time zone data maps the slot's wall time to another instant, epoch milliseconds. */
  | { readonly type: 'slotMoved'; readonly publishAt: number }
  /** The plan or its approval forbids the job to continue. The failure says why. */
  | { readonly type: 'hold'; readonly failure: Failure }
  /** The hold was lifted. */
  | { readonly type: 'cleared' }
  /** The account was connected. */
  | { readonly type: 'accountConnected' }
  /** From the runtime: the queue gave up after its workers failed. */
  | { readonly type: 'infrastructureFailed'; readonly failure: Failure }
  | PostWebhookEvent
