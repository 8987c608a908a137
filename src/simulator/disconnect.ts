import type { SimulatorContext } from './context.ts'
import { count } from './counters.ts'
import { revokeAccount } from './oauth/grant.ts'
import { progressOf } from './post/progress.ts'
import { keepPublish } from './post/publish-record.ts'

/** Why an app lost an account, by TikTok's numbers. Source: webhooks, events, `authorization.removed`. */
export const removalReasons = {
  unknown: 0,
  userDisconnected: 1,
  accountDeleted: 2,
  ageChanged: 3,
  banned: 4,
  developerRevoked: 5,
} as const

export type RemovalReason = keyof typeof removalReasons

/** Takes an app out of an account's connected ones: its tokens die, what it was posting fails, and the app is told. */
export function disconnect(context: SimulatorContext, openId: string, reason: RemovalReason): void {
  const now = context.now()
  count(context, 'disconnects')
  revokeAccount(context, openId)
  for (const publish of context.recordStore.all('publish').toArray()) {
    if (publish.openId !== openId) continue
    if (!progressOf(publish, now).status.startsWith('PROCESSING_')) continue
    keepPublish(context, { ...publish, stopped: { at: now, reason: 'auth_removed' } })
  }
  context.outbox.announce({
    subject: openId,
    openId,
    event: 'authorization.removed',
    content: { reason: removalReasons[reason] },
  })
}
