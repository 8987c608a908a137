import type { WithBreaker } from '../circuit-breaker/with-breaker.ts'
import type { CommandDeps } from '../commands/command-deps.ts'
import type { FfmpegFinder } from '../providers/media/modern-ffmpeg.ts'
import type { Storage } from '../providers/storage/storage.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import type { VideoProvider } from '../providers/video/provider.ts'
import type { Db } from '../store/database.ts'
import type { Encryptor } from '../vault/encryptor.ts'
import type { StepReport } from './step-report.ts'

/** The dependencies of steps. */
export interface StepDeps extends CommandDeps {
  readonly db: Db
  readonly storage: Storage
  readonly videos: VideoProvider
  /** Runs every call to `videos`. The TikTok client has guards of its own. */
  readonly withBreaker: WithBreaker
  readonly tiktok: TikTokClient
  readonly encryptor: Encryptor
  /** A late post is opened at least this long after the account's last one. */
  readonly latePostGapMs: number
  /** Where videos are assembled before they are stored. */
  readonly workDirectory: string
  readonly ffmpegPath?: string
  /** Finds the ffmpeg that reads uploaded files. */
  readonly mediaFfmpeg: FfmpegFinder
  /** Receives causes of failures, and when this machine starts and stops failing its steps. */
  readonly report?: (report: StepReport) => void
}
