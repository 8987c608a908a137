import type { SimulatorDependencies } from '../dependencies.ts'
import type { Delivery } from '../record.ts'

/** An event and what became of telling it, as an outside judge sees it. */
export interface LocalWebhook {
  readonly id: string
  readonly event: string
  readonly username: string
  /** The raw body; empty for what is never told. */
  readonly body: string
  readonly state: Delivery['state']
  readonly attempts: number
  /** What came of the last attempt: a status, or what went wrong. */
  readonly answer?: string
  /** When it was first to be told, ISO 8601. */
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
