/** The records of the local TikTok, all of them JSON. Times are milliseconds since 1970 by the simulator's clock. */

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
  /** The creator's TikTok app is older than 31.8 and accepts no photo drafts. */
  readonly oldApp: boolean
}

export interface Code {
  readonly code: string
  readonly openId: string
  readonly scopes: readonly string[]
  readonly redirectUri: string
  /** The code challenge of the authorize request; empty without one. */
  readonly challenge: string
  readonly expiresAt: number
  readonly used: boolean
}

/** One consent of one person. Revoking it revokes every token that was issued from it. */
export interface Grant {
  readonly id: string
  readonly openId: string
  readonly revokedAt?: number
}

export interface AccessToken {
  readonly token: string
  readonly openId: string
  readonly scopes: readonly string[]
  readonly expiresAt: number
  readonly grantId: string
}

export interface RefreshToken extends AccessToken {
  /** Exchanged for a new pair. Presenting it again is counted as reuse. */
  readonly spent: boolean
  readonly spentAt?: number
}

export interface Publish {
  readonly publishId: string
  readonly uploadId: string
  readonly uploadToken: string
  readonly uploadExpiresAt: number
  readonly openId: string
  /** A draft is posted by its user, not by the app. */
  readonly mode: 'direct' | 'draft'
  readonly media: 'video' | 'photo'
  readonly title: string
  /** Only for photos. */
  readonly description?: string
  /** Empty for a draft: its user chooses it. */
  readonly privacyLevel: string
  readonly isAigc: boolean
  /** The frame that is the cover of a direct video, in milliseconds. An absent or invalid one becomes the first frame. */
  readonly coverTimestampMs?: number
  readonly size: number
  readonly chunkSize: number
  readonly chunkCount: number
  /** Bytes of whole chunks that were accepted, or of whole files that were downloaded. */
  readonly received: number
  readonly createdAt: number
  /** Both as set at init: a later change of the settings does not affect this post. */
  readonly processingMs: number
  readonly moderationMs: number
  /** The URLs to download from; absent for an upload. */
  readonly pull?: { readonly urls: readonly string[]; readonly ttlMs: number }
  /** When all bytes had arrived; set together with the hash and the ids of a direct post. */
  readonly completedAt?: number
  /** Hash of the bytes; absent after a simulated download. */
  readonly sha256?: string
  /** Assigned at completion and shown when the post is public. */
  readonly postIds: readonly string[]
  /** The fail reason that the media check found. */
  readonly mediaFailReason?: string
  /** The fail reason of a post that was stopped before its end. */
  readonly stopped?: { readonly at: number; readonly reason: string }
  /** One entry for each time that the user posted this draft. */
  readonly userPosts?: readonly UserPost[]
  /** When its owner made a private post public. */
  readonly madePublicAt?: number
  readonly takenDownAt?: number
}

export interface UserPost {
  readonly at: number
  readonly postId: string
  readonly isPublic: boolean
}

/** One webhook event and its delivery to the app. */
export interface Delivery {
  /** Identifies the event across restarts, so that it is delivered only once. */
  readonly id: string
  /** The post or account of the event. Events of one subject are sent in order. */
  readonly subject: string
  readonly openId: string
  readonly event: string
  /** The raw body, the same in every attempt; empty when it is suppressed. */
  readonly body: string
  readonly createdAt: number
  readonly dueAt: number
  readonly state: 'waiting' | 'accepted' | 'lost' | 'abandoned' | 'suppressed'
  readonly attempts: number
  /** How many more times the app must accept it; 2 at first for a duplicate. */
  readonly remainingAcceptances: number
  /** Until then it waits for a later event of its subject to overtake it. */
  readonly reorderUntil?: number
  /** Unix seconds of the first signature. */
  readonly signedAt?: number
  /** Result of the last attempt: a status, or the reason of the failure. */
  readonly answer?: string
}

/** The highest number of accepted calls in one minute, by which tests judge a client. */
export interface Rate {
  readonly endpoint: string
  readonly per: 'account' | 'token'
  /** An open id, or a hash of the token. */
  readonly subject: string
  readonly peakPerMinute: number
  readonly refused: number
}

/** The app that is registered at this TikTok. */
export interface LocalApp {
  readonly clientKey: string
  readonly clientSecret: string
  /** A registered redirect URI. The port `*` matches any port, as at TikTok for loopback addresses. */
  readonly redirectUri: string
  /** Further registered redirect URIs. */
  readonly redirectUris: readonly string[]
  /** Usernames that may sign in, as in a sandbox; null allows every account. */
  readonly sandboxTargets: readonly string[] | null
  /** Verified for downloads: domains (`media.example.com`) and URL prefixes (`https://example.com/videos/`). */
  readonly verifiedProperties: readonly string[]
  /** The URL that webhooks are sent to; null disables them. */
  readonly webhookUrl: string | null
}

export interface Counters {
  /** Accepted inits of every kind, which is the number of posts and drafts. */
  readonly inits: number
  readonly inboxInits: number
  readonly photoInits: number
  readonly puts: number
  readonly bytes: number
  /** Exact repeats of the last accepted chunk. */
  readonly repeatedChunks: number
  readonly statusFetches: number
  readonly cancels: number
  readonly exchanges: number
  readonly refreshes: number
  /** Presentations of a spent refresh token. */
  readonly refreshReuse: number
  /** Consents whose tokens were all revoked because of a reuse. */
  readonly familiesRevoked: number
  readonly revokes: number
  /** Disconnected accounts, by the app's revoke or by their owner. */
  readonly disconnects: number
  /** Chunks that were sent with an access token, which uploads must not carry. */
  readonly authorizationOnUpload: number
  readonly faults: number
  /** Redirects that a client followed instead of refusing. */
  readonly redirectsFollowed: number
  /** Delivery attempts. */
  readonly webhooksSent: number
  /** Attempts that the app answered with 200. */
  readonly webhooksAccepted: number
  /** Attempts after a failed one. */
  readonly webhooksRetried: number
  readonly webhooksLost: number
  /** Events given up after the retry period. */
  readonly webhooksAbandoned: number
  /** Refusals by code; those of uploads by status, such as `http_416`. */
  readonly refused: Readonly<Record<string, number>>
}
