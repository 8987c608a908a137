import type { Storage } from '../providers/storage/storage.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import type { VideoProvider } from '../providers/video/provider.ts'
import type { Sealer } from '../secrets.ts'
import type { Db } from '../store/database.ts'

/** What steps work with. */
export interface StepDeps {
  readonly db: Db
  readonly storage: Storage
  readonly videos: VideoProvider
  readonly tiktok: TikTokClient
  readonly sealer: Sealer
  /** Where files are put together before they are stored. */
  readonly workDirectory: string
  readonly ffmpegPath?: string
}
