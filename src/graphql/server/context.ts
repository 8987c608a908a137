import type DataLoader from 'dataloader'
import type { AccountHealth } from '../../../machines/rules/account-health.ts'
import type { AuthorizationStarter } from '../../commands/account/connect-account.ts'
import type { CommandDeps } from '../../commands/command-deps.ts'
import type { Charge } from '../../rate-limit/charge-api-key.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import type { AccountRecord, UpcomingSlot } from '../../store/account/accounts.ts'
import type { Executor, Tx } from '../../store/database.ts'
import type { JobRecord } from '../../store/job/job-list.ts'
import type { MediaRecord } from '../../store/media/media.ts'
import type { PlanRecord } from '../../store/plan/plans.ts'
import type { PreviewRecord } from '../../store/plan/previews.ts'
import type { ScanRecord } from '../../store/plan/scans.ts'
import type { SlotRecord } from '../../store/plan/slots.ts'
import type { ApiKeyRecord, Scope } from '../../store/tenant/api-keys.ts'
import type { Signer } from '../../vault/signer.ts'
import type { EventStream } from '../events/event-stream.ts'
import type { MutationRun } from '../mutation/mutation-context.ts'

/** The API key of a request and its organization. */
export interface Viewer {
  readonly organizationId: string
  readonly keyId: string
  readonly scopes: ReadonlySet<Scope>
}

/** What resolvers work with. Every read and transaction is limited to the viewer's organization. */
export interface Context {
  readonly viewer: Viewer
  readonly requestId: string
  /** The public origin of the API, such as `https://reels.example`, for links in responses. */
  readonly origin: string
  /** The `Idempotency-Key` header. It applies if the request has exactly one mutation field. */
  readonly idempotencyKey: string | null
  readonly idempotencyMinutes: number
  /** The run of the current mutation field; null in other fields. */
  readonly mutation: MutationRun | null
  readonly limiter: Pick<Limiter, 'windows' | 'health'>
  readonly apiBucket: Bucket
  /** What the key has left after this request; null if the limiter was unavailable. */
  readonly charge: Charge | null
  readonly deps: CommandDeps
  readonly authorization: AuthorizationStarter
  readonly eventStream: EventStream
  readonly signer: Signer
  readonly load: Loaders
  /** Outside of a transaction, except within a mutation: there it reads what the mutation has written. */
  read<Result>(work: (db: Executor) => Promise<Result>): Promise<Result>
  transact<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result>
  /** Returns those accounts whose tokens are encrypted with a key that the key ring does not have. */
  accountsLackingKey(accountIds: readonly string[]): Promise<ReadonlySet<string>>
  /** Makes this process read the organization's settings and keys again. */
  invalidateCaches(): void
  /** Headers to add to the HTTP response; null over WebSocket. */
  readonly responseHeaders: Map<string, string> | null
}

/** Batches lookups by id within one operation. A row of another organization is null, like a missing one. */
export interface Loaders {
  readonly account: DataLoader<string, AccountRecord | null>
  /** Keyed by the account, which holds everything that its health depends on but the time. */
  readonly accountHealth: DataLoader<AccountRecord, AccountHealth, string>
  /** Keyed by account id. */
  readonly upcomingSlots: DataLoader<string, readonly UpcomingSlot[]>
  readonly apiKey: DataLoader<string, ApiKeyRecord | null>
  readonly plan: DataLoader<string, PlanRecord | null>
  readonly slot: DataLoader<string, SlotRecord | null>
  readonly job: DataLoader<string, JobRecord | null>
  /** Jobs without what their machine keeps: for fields that do not need it. */
  readonly jobSummary: DataLoader<string, JobRecord | null>
  readonly jobOfSlot: DataLoader<string, JobRecord | null>
  /** The newest preview, keyed by the slot's id. */
  readonly previewOfSlot: DataLoader<string, PreviewRecord | null>
  readonly scan: DataLoader<string, ScanRecord | null>
  readonly media: DataLoader<string, MediaRecord | null>
  /** Keyed by the hash of the content. */
  readonly mediaByContent: DataLoader<string, MediaRecord | null>
}
