/** How strict, how fast and how generous the local TikTok is. All may change while it runs. */
export interface Knobs {
  /** An audited app may post in public; another one only `SELF_ONLY`, and only to private accounts. */
  readonly audited: boolean
  readonly accessTtlSeconds: number
  readonly refreshTtlSeconds: number
  readonly codeTtlSeconds: number
  readonly uploadTtlSeconds: number
  /** Status of OAuth refusals; the documents do not give one. */
  readonly oauthErrorStatus: 200 | 400
  /** The largest file in one piece: 64,000,000 or, leniently, 67,108,864. */
  readonly singleChunkLimit: number
  /** Whether `Content-Range: bytes 0-N/…` counts bytes or names the last one. */
  readonly rangeHeader: 'count' | 'lastIndex'
  /** Post ids as bare 19-digit numbers, which break a careless parser. */
  readonly idsAsNumbers: boolean
  readonly processingMs: number
  readonly moderationMs: number
  /** Posts per creator in 24 hours; null is no cap. */
  readonly dailyPostCap: number | null
  /** Creators who post with this app in 24 hours; null is no cap. */
  readonly activeCreatorCap: number | null
  readonly rateLimits: boolean
  /** The longest video of an account that is created without saying its own. */
  readonly maxDurationSeconds: number
}

export const defaultKnobs: Knobs = {
  audited: true,
  accessTtlSeconds: 7200,
  refreshTtlSeconds: 15_552_000,
  codeTtlSeconds: 300,
  uploadTtlSeconds: 3600,
  oauthErrorStatus: 400,
  singleChunkLimit: 64_000_000,
  rangeHeader: 'count',
  idsAsNumbers: true,
  processingMs: 2000,
  moderationMs: 3000,
  dailyPostCap: 15,
  activeCreatorCap: null,
  rateLimits: true,
  maxDurationSeconds: 600,
}
