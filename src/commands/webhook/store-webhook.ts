import { randomUUID } from 'node:crypto'
import { queueDelivery } from '../../queue/webhooks.ts'
import type { Tx } from '../../store/database.ts'
import { insertDelivery, retryFailedDeliveries } from '../../store/webhook/deliveries.ts'
import type { CommandDeps } from '../command-deps.ts'
import type { WebhookEvent } from './handle-webhook.ts'

/**
 * Stores a webhook delivery and queues it, in one transaction, so that TikTok can be answered at once. Returns false for a
 * repeated delivery: it is stored and handled only once.
 */
export async function storeWebhook(
  tx: Tx,
  { boss }: Pick<CommandDeps, 'boss'>,
  delivery: {
    readonly key: string
    /** TikTok's name of the event. */
    readonly event: string
    readonly signedAt: Date
    readonly content: WebhookEvent
  },
): Promise<boolean> {
  const { key, event, signedAt, content } = delivery
  const isNew = await insertDelivery(tx, {
    key,
    event,
    openId: content.openId,
    publishId: content.kind === 'post' ? content.publishId : null,
    payload: content,
    signedAt,
  })
  if (isNew) await queueDelivery(boss, key, tx)
  return isNew
}

/**
 * Queues failed webhook deliveries again, for as long as TikTok itself would repeat them. Until one succeeds, polling finds
 * the same facts later. Returns how many were queued.
 */
export async function redriveDeliveries(tx: Tx, { boss }: Pick<CommandDeps, 'boss'>): Promise<number> {
  const keys = await retryFailedDeliveries(tx)
  for (const key of keys) await queueDelivery(boss, key, tx, ` again ${randomUUID()}`)
  return keys.length
}
