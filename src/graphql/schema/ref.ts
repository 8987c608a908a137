import type { AccountRecord } from '../../store/account/accounts.ts'
import type { EventRecord } from '../../store/event/read.ts'
import type { CheckpointRecord, JobRecord } from '../../store/job/job-list.ts'
import type { MediaRecord } from '../../store/media/media.ts'
import type { PlanRecord } from '../../store/plan/plans.ts'
import type { ScanDecisionRecord, ScanRecord } from '../../store/plan/scans.ts'
import type { SlotRecord } from '../../store/plan/slots.ts'
import type { QuotaRecord } from '../../store/quota/quotas.ts'
import type { ApiKeyRecord } from '../../store/tenant/api-keys.ts'
import type { OrganizationRecord } from '../../store/tenant/organizations.ts'
import { builder } from './builder.ts'

/** The types that refer to each other. Declaring them here avoids circular imports. */
export const Organization = builder.objectRef<OrganizationRecord>('Organization')
export const ApiKey = builder.objectRef<ApiKeyRecord>('ApiKey')
export const Account = builder.objectRef<AccountRecord>('Account')
export const Plan = builder.objectRef<PlanRecord>('Plan')
export const Slot = builder.objectRef<SlotRecord>('Slot')
export const Job = builder.objectRef<JobRecord>('Job')
export const Media = builder.objectRef<MediaRecord>('Media')
export const JobTransition = builder.objectRef<CheckpointRecord>('JobTransition')
export const Event = builder.objectRef<EventRecord>('Event')
export const Quota = builder.objectRef<QuotaRecord>('Quota')
export const Scan = builder.objectRef<ScanRecord>('Scan')
export const ScanDecision = builder.objectRef<ScanDecisionRecord>('ScanDecision')
