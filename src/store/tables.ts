import type { AccountTable, ConnectionAttemptTable } from './account/tables.ts'
import type { CircuitBreakerTable } from './breaker/tables.ts'
import type { EventHeadTable, EventTable } from './event/tables.ts'
import type { DeadLetterTable, MachineInstanceTable } from './job/tables.ts'
import type { MediaTable } from './media/tables.ts'
import type { PlanTable, ScanDecisionTable, ScanTable, SlotTable } from './plan/tables.ts'
import type { QuotaEntryTable, QuotaLimitTable, QuotaTable } from './quota/tables.ts'
import type { ApiKeyTable, IdempotencyKeyTable, OrganizationTable } from './tenant/tables.ts'
import type { UnrecognisedCodeTable, WebhookDeliveryTable } from './webhook/tables.ts'

/** The tables of the schema `reelpilot`, as `migrations/` creates them. */
export interface Database {
  organization: OrganizationTable
  api_key: ApiKeyTable
  event_head: EventHeadTable
  event: EventTable
  account: AccountTable
  connection_attempt: ConnectionAttemptTable
  webhook_delivery: WebhookDeliveryTable
  unrecognised_code: UnrecognisedCodeTable
  plan: PlanTable
  slot: SlotTable
  machine_instance: MachineInstanceTable
  dead_letter: DeadLetterTable
  media: MediaTable
  scan: ScanTable
  scan_decision: ScanDecisionTable
  quota_limit: QuotaLimitTable
  quota: QuotaTable
  quota_entry: QuotaEntryTable
  idempotency_key: IdempotencyKeyTable
  circuit_breaker: CircuitBreakerTable
}
