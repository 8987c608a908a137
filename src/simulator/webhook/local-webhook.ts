import type { SimulatorDependencies } from '../dependencies.ts'
import type { Delivery } from '../record.ts'

/** An event and its delivery, as tests and the console see it. */
export interface LocalWebhook {
  readonly id: string
  readonly event: string
  readonly username: string
  /** The raw body; empty when the event was suppressed. */
  readonly body: string
  readonly state: Delivery['state']
  readonly attempts: number
  /** Result of the last attempt: a status, or the reason of the failure. */
  readonly answer?: string
  /** When it was enqueued, ISO 8601. */
  readonly at: string
}

export function localWebhooks({ recordStore }: SimulatorDependencies): readonly LocalWebhook[] {
  return recordStore
    .all('delivery')
    .map(
      ({ id, event, openId, body, state, attempts, answer, createdAt }): LocalWebhook => ({
        id,
        event,
        username: recordStore.get('account', openId)?.username ?? openId,
        body,
        state,
        attempts,
        ...(answer !== undefined && { answer }),
        at: new Date(createdAt).toISOString(),
      }),
    )
    .toArray()
}
