import type { AccountRecord } from '../store/account-store.ts'
import type { ApiKeyRecord } from '../store/api-key-store.ts'
import type { EventRecord } from '../store/event-view-store.ts'
import type { CheckpointRecord, JobRecord } from '../store/job-view-store.ts'
import type { OrganizationRecord } from '../store/organization-store.ts'
import type { PlanRecord } from '../store/plan-store.ts'
import type { QuotaRecord } from '../store/quota-store.ts'
import type { ScanDecisionRecord, ScanRecord } from '../store/scan-store.ts'
import type { SlotRecord } from '../store/slot-store.ts'
import { builder } from './builder.ts'

/** The types that name each other, so that the file of each can be read alone. */
export const Organization = builder.objectRef<OrganizationRecord>('Organization')
export const ApiKey = builder.objectRef<ApiKeyRecord>('ApiKey')
export const Account = builder.objectRef<AccountRecord>('Account')
export const Plan = builder.objectRef<PlanRecord>('Plan')
export const Slot = builder.objectRef<SlotRecord>('Slot')
export const Job = builder.objectRef<JobRecord>('Job')
export const Checkpoint = builder.objectRef<CheckpointRecord>('Checkpoint')
export const Event = builder.objectRef<EventRecord>('Event')
export const Quota = builder.objectRef<QuotaRecord>('Quota')
export const Scan = builder.objectRef<ScanRecord>('Scan')
export const ScanDecision = builder.objectRef<ScanDecisionRecord>('ScanDecision')
