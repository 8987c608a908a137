import { randomUUID } from 'node:crypto'
import { queueDelivery } from '../../queue/webhooks.ts'
import type { Tx } from '../../store/database.ts'
import { keepDelivery, takeUpFailedDeliveries } from '../../store/webhook/deliveries.ts'
import type { CommandDeps } from '../command-deps.ts'
import type { WebhookEvent } from './handle-webhook.ts'

/**
 * Keeps what TikTok told and queues it, in one transaction, so that TikTok can be answered at once. False for a repetition:
 * it is kept already, and taken in once.
 */
export async function storeWebhook(
  tx: Tx,
  { boss }: Pick<CommandDeps, 'boss'>,
  delivery: {
    readonly key: string
    readonly event: string
    readonly signedAt: Date
    readonly news: WebhookEvent
  },
): Promise<boolean> {
  const { key, event, signedAt, news } = delivery
  const kept = await keepDelivery(tx, {
    key,
    event,
    openId: news.openId,
    publishId: news.kind === 'post' ? news.publishId : null,
    news,
    signedAt,
  })
  if (kept) await queueDelivery(boss, key, tx)
  return kept
}

/**
 * Queues the webhook deliveries that could not be taken in once more, for as long as TikTok itself would repeat them. Nothing
 * hangs on them: what they tell, polling finds too, only later. Answers how many there were.
 */
export async function redriveDeliveries(tx: Tx, { boss }: Pick<CommandDeps, 'boss'>): Promise<number> {
  const keys = await takeUpFailedDeliveries(tx)
  for (const key of keys) await queueDelivery(boss, key, tx, ` again ${randomUUID()}`)
  return keys.length
}
