import type DataLoader from 'dataloader'
import type { AccountHealth } from '../../../machines/rules/account-health.ts'
import type { AuthorizationStarter } from '../../commands/account/connect-account.ts'
import type { CommandDeps } from '../../commands/command-deps.ts'
import type { Charge } from '../../rate-limit/charge-api-key.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import type { AccountRecord, UpcomingSlot } from '../../store/account/accounts.ts'
import type { Tx } from '../../store/database.ts'
import type { JobRecord } from '../../store/job/job-list.ts'
import type { PlanRecord } from '../../store/plan/plans.ts'
import type { ScanRecord } from '../../store/plan/scans.ts'
import type { SlotRecord } from '../../store/plan/slots.ts'
import type { ApiKeyRecord, Scope } from '../../store/tenant/api-keys.ts'
import type { EventStream } from '../events/event-stream.ts'
import type { MutationRun } from '../mutation/mutation-context.ts'

/** Who asks: a key of an organization. */
export interface Viewer {
  readonly organizationId: string
  readonly keyId: string
  readonly scopes: ReadonlySet<Scope>
}

/** What a resolver has: who asks, that organization's data and nobody else's, and the commands. */
export interface Context {
  readonly viewer: Viewer
  readonly requestId: string
  /** Where the API is reached, such as `https://reels.example`; links in answers start with it. */
  readonly origin: string
  /** The `Idempotency-Key` header, which counts if the request holds a single mutation. */
  readonly idempotencyKey: string | null
  readonly idempotencyMinutes: number
  /** Within a mutation field, its run; else null. */
  readonly mutation: MutationRun | null
  readonly limiter: Pick<Limiter, 'windows' | 'health'>
  readonly apiBucket: Bucket
  /** What the key has left after this request; null if nobody could be asked. */
  readonly charge: Charge | null
  readonly deps: CommandDeps
  readonly authorization: AuthorizationStarter
  readonly eventStream: EventStream
  readonly load: Loaders
  /** Reads inside the viewer's organization; reads of the same turn share a transaction. */
  read<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>
  /** One transaction of its own inside the viewer's organization. */
  transact<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>
  /** Those of the viewer's accounts whose tokens are sealed under a key that is not here. */
  accountsLackingKey(accountIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Makes this process read the organization's settings anew. */
  invalidateSettings(): void
  /** What the answer's header shall say; null over WebSocket, where answers have none. */
  readonly responseHeaders: Map<string, string> | null
}

/** Batched look-ups by id, for the time of one operation. Null is what is not the viewer's. */
export interface Loaders {
  readonly account: DataLoader<string, AccountRecord | null>
  /** By the account itself, for it says all but the time. */
  readonly accountHealth: DataLoader<AccountRecord, AccountHealth, string>
  /** By the account's id. */
  readonly comingSlots: DataLoader<string, readonly UpcomingSlot[]>
  readonly apiKey: DataLoader<string, ApiKeyRecord | null>
  readonly plan: DataLoader<string, PlanRecord | null>
  readonly slot: DataLoader<string, SlotRecord | null>
  readonly job: DataLoader<string, JobRecord | null>
  readonly jobOfSlot: DataLoader<string, JobRecord | null>
  readonly scan: DataLoader<string, ScanRecord | null>
}
