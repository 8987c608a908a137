import { randomUUID } from 'node:crypto'
import { queueDelivery } from '../../queue/webhooks.ts'
import type { Tx } from '../../store/database.ts'
import { takeUpFailedDeliveries } from '../../store/webhook/deliveries.ts'
import type { CommandDeps } from '../deps.ts'

/**
 * Queues the webhook deliveries that could not be taken in once more, for as long as TikTok itself would repeat them. Nothing
 * hangs on them: what they tell, polling finds too, only later. Answers how many there were.
 */
export async function redriveDeliveries(tx: Tx, { boss }: Pick<CommandDeps, 'boss'>): Promise<number> {
  const keys = await takeUpFailedDeliveries(tx)
  for (const key of keys) await queueDelivery(boss, key, tx, ` again ${randomUUID()}`)
  return keys.length
}
