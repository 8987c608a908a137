import type { Failure } from '../../machines/rules/failure.ts'
import type { WebhookEvent } from '../commands/webhook/handle-webhook.ts'
import type { AuthorizationRemovedWebhook, KnownWebhook } from '../providers/tiktok/webhook/webhook.ts'
import { postRejection } from '../verdict/tiktok-answer.ts'

/** Translates a webhook of TikTok's into the event of a job's or an account's machine. */
export function webhookEventOf(webhook: KnownWebhook): WebhookEvent {
  const createdAt = webhook.createdAtSeconds * 1_000
  if (webhook.kind === 'authorizationRemoved') {
    const { kind, openId } = webhook
    return { kind, openId, createdAt, failure: removalFailure(webhook) }
  }
  const post = { kind: 'post', publishId: webhook.publishId, openId: webhook.openId } as const
  switch (webhook.kind) {
    case 'postCompleted':
    case 'draftDelivered':
      return { ...post, event: { type: webhook.kind, createdAt } }
    case 'postPublic':
      return { ...post, event: { type: 'postShown', createdAt, postId: webhook.postId ?? null } }
    case 'postRemoved':
      return { ...post, event: { type: 'postHidden', createdAt, postId: webhook.postId ?? null } }
    case 'postFailed': {
      const { isRecognised, ...rejection } = postRejection(webhook.reason)
      const unrecognised = { source: 'post', code: rejection.failure.code }
      return {
        ...post,
        event: { type: webhook.kind, createdAt, ...rejection },
        ...(!isRecognised && { unrecognised }),
      }
    }
  }
}

/** Source: webhooks, events. */
const removalMessages: Readonly<Record<number, string>> = {
  1: 'The creator has disconnected the app in TikTok.',
  2: 'The creator has deleted the TikTok account.',
  3: "The creator's age has changed, and TikTok has ended the connection.",
  4: 'TikTok has banned the account.',
  5: 'This app has revoked the connection.',
}

function removalFailure({ reason }: AuthorizationRemovedWebhook): Failure {
  return {
    verdict: 'NEEDS_USER',
    code: 'AUTHORIZATION_REMOVED',
    message: removalMessages[reason] ?? 'TikTok has ended the connection without giving a reason.',
  }
}
