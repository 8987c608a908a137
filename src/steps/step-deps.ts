import type { WithBreaker } from '../circuit-breaker/with-breaker.ts'
import type { CommandDeps } from '../commands/command-deps.ts'
import type { Storage } from '../providers/storage/storage.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import type { VideoProvider } from '../providers/video/provider.ts'
import type { Db } from '../store/database.ts'
import type { Encryptor } from '../vault/encryptor.ts'
import type { HostFaultReport } from './host-faults.ts'

/** What steps work with. */
export interface StepDeps extends CommandDeps {
  readonly db: Db
  readonly storage: Storage
  readonly videos: VideoProvider
  /** Stands before every call to `videos`; the client of TikTok has guards of its own. */
  readonly withBreaker: WithBreaker
  readonly tiktok: TikTokClient
  readonly encryptor: Encryptor
  /** How long after the account's last post one is opened that is late. */
  readonly latePostGapMs: number
  /** Where files are put together before they are stored. */
  readonly workDirectory: string
  readonly ffmpegPath?: string
  /** Hears what the log is to know: causes of failures, and when this machine begins to fail its steps. */
  readonly report?: (news: StepReport) => void
}

export type StepReport =
  | HostFaultReport
  | { readonly kind: 'failed'; readonly code: string; readonly jobId: string; readonly cause: unknown }
