import type { Failure } from '../../machines/rules/failure.ts'
import type { WebhookEvent } from '../commands/webhook/handle-webhook.ts'
import type { AuthorizationRemovedWebhook, KnownWebhook } from '../providers/tiktok/webhook/webhook.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'

/** A webhook as our machines understand it. */
export function webhookEventOf(told: KnownWebhook): WebhookEvent {
  const createdAt = told.createdAtSeconds * 1_000
  if (told.kind === 'authorizationRemoved')
    return { kind: 'authorizationRemoved', openId: told.openId, createdAt, failure: removal(told) }

  const about = { kind: 'post', publishId: told.publishId, openId: told.openId } as const
  switch (told.kind) {
    case 'postCompleted':
    case 'draftDelivered':
      return { ...about, event: { type: told.kind, createdAt } }
    case 'postPublic':
      return { ...about, event: { type: 'postShown', createdAt, postId: told.postId ?? null } }
    case 'postRemoved':
      return { ...about, event: { type: 'postHidden', createdAt, postId: told.postId ?? null } }
    case 'postFailed': {
      const code = told.reason || 'unspecified'
      const { verdict, recognised } = verdictFor('post', code)
      const failure: Failure = { verdict: verdict.verdict, code, message: verdict.meaning, source: 'post' }
      const { canPostAgain = false, afterSeconds } = verdict
      const again = { again: canPostAgain, ...(afterSeconds !== undefined && { afterSeconds }) }
      const event = { type: told.kind, createdAt, ...again, failure } as const
      return { ...about, event, ...(!recognised && { unrecognised: { source: 'post', code } }) }
    }
  }
}

/** TikTok's reasons, in words. Source: webhooks, events. */
const reasons: Readonly<Record<number, string>> = {
  1: 'The creator has disconnected the app in TikTok.',
  2: 'The creator has deleted the TikTok account.',
  3: "The creator's age has changed, and TikTok has ended the connection.",
  4: 'TikTok has banned the account.',
  5: 'The connection was given back by this app.',
}

function removal({ reason }: AuthorizationRemovedWebhook): Failure {
  return {
    verdict: 'NEEDS_USER',
    code: 'AUTHORIZATION_REMOVED',
    message: reasons[reason] ?? 'TikTok has ended the connection without saying why.',
  }
}
