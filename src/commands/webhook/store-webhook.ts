import { queueDelivery } from '../../queue/webhooks.ts'
import type { Tx } from '../../store/database.ts'
import { keepDelivery } from '../../store/webhook/deliveries.ts'
import type { CommandDeps } from '../deps.ts'
import type { News } from './handle-webhook.ts'

/**
 * Keeps what TikTok told and queues it, in one transaction, so that TikTok can be answered at once. False for a repetition:
 * it is kept already, and taken in once.
 */
export async function keepNews(
  tx: Tx,
  { boss }: Pick<CommandDeps, 'boss'>,
  delivery: { readonly key: string; readonly event: string; readonly signedAt: Date; readonly news: News },
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
