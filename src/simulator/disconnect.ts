import type { SimulatorContext } from './context.ts'
import { count } from './counters.ts'
import { revokeAccount } from './oauth/grant.ts'
import { progressOf } from './post/progress.ts'
import { savePublish } from './post/publish-record.ts'

/** Why an app lost an account, with TikTok's numbers. Source: webhooks, events, `authorization.removed`. */
export const removalReasons = {
  unknown: 0,
  userDisconnected: 1,
  accountDeleted: 2,
  ageChanged: 3,
  banned: 4,
  developerRevoked: 5,
} as const

export type RemovalReason = keyof typeof removalReasons

/** Disconnects the app from an account: revokes its tokens, fails its unfinished posts and sends the webhook. */
export function disconnect(context: SimulatorContext, openId: string, reason: RemovalReason): void {
  const now = context.now()
  count(context, 'disconnects')
  revokeAccount(context, openId)
  for (const publish of context.recordStore.all('publish').toArray()) {
    if (publish.openId !== openId) continue
    if (!progressOf(publish, now).status.startsWith('PROCESSING_')) continue
    savePublish(context, { ...publish, stopped: { at: now, reason: 'auth_removed' } })
  }
  context.outbox.enqueue({
    subject: openId,
    openId,
    event: 'authorization.removed',
    content: { reason: removalReasons[reason] },
  })
}
