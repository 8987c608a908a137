/** What the local TikTok remembers, all of it JSON. Times are milliseconds of its own clock. */

export interface Account {
  readonly openId: string
  readonly username: string
  readonly nickname: string
  readonly private: boolean
  readonly commentDisabled: boolean
  readonly duetDisabled: boolean
  readonly stitchDisabled: boolean
  readonly maxDurationSeconds: number
  readonly banned: boolean
}

export interface Code {
  readonly code: string
  readonly openId: string
  readonly scopes: readonly string[]
  readonly redirectUri: string
  /** Lower-case hex of the verifier's SHA-256: TikTok departs from RFC 7636 here. */
  readonly challenge: string
  readonly expiresAt: number
  readonly used: boolean
}

export interface AccessToken {
  readonly token: string
  readonly openId: string
  readonly scopes: readonly string[]
  readonly expiresAt: number
}

export interface RefreshToken extends AccessToken {
  /** Already traded for a new pair; showing it again is what a client must never do. */
  readonly spent: boolean
}

export interface Publish {
  readonly publishId: string
  readonly uploadId: string
  readonly uploadToken: string
  readonly uploadExpiresAt: number
  readonly openId: string
  readonly title: string
  readonly privacyLevel: string
  readonly isAigc: boolean
  readonly size: number
  readonly chunkSize: number
  readonly chunkCount: number
  /** Bytes of whole chunks that were accepted. */
  readonly received: number
  readonly createdAt: number
  /** As the knobs stood at init, so that turning them does not rewrite the past. */
  readonly processingMs: number
  readonly moderationMs: number
  /** Set with the last chunk, together with the two below. */
  readonly completedAt?: number
  readonly sha256?: string
  /** Exist from completion on, and are shown once the post is public. */
  readonly postIds: readonly string[]
}

export interface Counters {
  readonly inits: number
  readonly puts: number
  readonly bytes: number
  readonly statusFetches: number
  readonly refreshes: number
  /** A spent refresh token was presented. */
  readonly refreshReuse: number
  /** A chunk came with an access token, which has no business there. */
  readonly authorizationOnUpload: number
  readonly faults: number
  /** How often each code was answered; uploads count as `http_416` and the like. */
  readonly refused: Readonly<Record<string, number>>
}

export const noCounters: Counters = {
  inits: 0,
  puts: 0,
  bytes: 0,
  statusFetches: 0,
  refreshes: 0,
  refreshReuse: 0,
  authorizationOnUpload: 0,
  faults: 0,
  refused: {},
}
