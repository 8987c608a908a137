/**
 * What the local TikTok remembers, all of it JSON. Times are milliseconds of its own clock.
 *
 * A recordStore may be older than its program: fields that came later are optional, and their absence means what it did then.
 */

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
  /** Their TikTok app is older than 31.8, which takes no photo drafts. */
  readonly oldApp?: boolean
}

export interface Code {
  readonly code: string
  readonly openId: string
  readonly scopes: readonly string[]
  readonly redirectUri: string
  /** As the authorize request had it; empty when it had none. */
  readonly challenge: string
  readonly expiresAt: number
  readonly used: boolean
}

/** One consent of one person: every pair of tokens that came of it belongs to it and dies with it. */
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
  /** Absent in old books, whose tokens of one account count as one consent. */
  readonly grantId?: string
}

export interface RefreshToken extends AccessToken {
  /** Already traded for a new pair; showing it again is what a client must never do. */
  readonly spent: boolean
  readonly spentAt?: number
}

export interface Publish {
  readonly publishId: string
  readonly uploadId: string
  readonly uploadToken: string
  readonly uploadExpiresAt: number
  readonly openId: string
  /** `direct` unless told: the user posts a draft, we do not. */
  readonly mode?: 'direct' | 'draft'
  /** `video` unless told. */
  readonly media?: 'video' | 'photo'
  readonly title: string
  /** Of photos. */
  readonly description?: string
  /** Empty for a draft, of which the user decides it. */
  readonly privacyLevel: string
  readonly isAigc: boolean
  readonly size: number
  readonly chunkSize: number
  readonly chunkCount: number
  /** Bytes of whole chunks that were accepted, or of whole files that were downloaded. */
  readonly received: number
  readonly createdAt: number
  /** As the settings stood at init, so that turning them does not rewrite the past. */
  readonly processingMs: number
  readonly moderationMs: number
  /** Where TikTok is to download from; absent when the bytes are sent. */
  readonly pull?: { readonly urls: readonly string[]; readonly ttlMs: number }
  /** When all bytes were there; set together with the hash and with the ids of a direct post. */
  readonly completedAt?: number
  /** Of the bytes; absent also when a download was only pretended. */
  readonly sha256?: string
  /** Exist from completion on, and are shown once the post is public. */
  readonly postIds: readonly string[]
  /** What looking at the bytes found wrong: a fail reason. */
  readonly mediaFault?: string
  /** What ended it before its time: a fail reason. */
  readonly stopped?: { readonly at: number; readonly reason: string }
  /** Each time that the user posted this draft. */
  readonly userPosts?: readonly UserPost[]
  /** When the owner made a private post public. */
  readonly madePublicAt?: number
  readonly takenDownAt?: number
}

export interface UserPost {
  readonly at: number
  readonly postId: string
  readonly isPublic: boolean
}

/** One event on its way to the app. */
export interface Delivery {
  /** Names the event for good, so that none is told anew after a restart. */
  readonly id: string
  /** The post or the account that it is about: events of one subject leave in order. */
  readonly subject: string
  readonly openId: string
  readonly event: string
  /** The raw body, the same in every attempt; empty for what is never told. */
  readonly body: string
  readonly createdAt: number
  readonly dueAt: number
  readonly state: 'waiting' | 'accepted' | 'lost' | 'abandoned' | 'suppressed'
  readonly attempts: number
  /** How many more times it is to be accepted. */
  readonly acceptances: number
  /** Waits for a later event of its subject until then. */
  readonly heldUntil?: number
  /** Unix seconds of the first signature. */
  readonly signedAt?: number
  /** What came of the last attempt: a status, or what went wrong. */
  readonly answer?: string
}

/** The fullest minute that was ever let in, for those who judge a client. */
export interface Rate {
  readonly endpoint: string
  readonly per: 'account' | 'token'
  /** An open id, or a hash of the token. */
  readonly subject: string
  readonly peakPerMinute: number
  readonly refused: number
}

/** The one app that this TikTok knows, as its developer set it up in the portal. */
export interface LocalApp {
  readonly clientKey: string
  readonly clientSecret: string
  /** Registered; a port of `*` stands for any, as TikTok has it for loopback. */
  readonly redirectUri: string
  /** Further registered ones. */
  readonly redirectUris: readonly string[]
  /** Usernames that may sign in, as in a sandbox; null is everybody. */
  readonly sandboxTargets: readonly string[] | null
  /** Where media may be pulled from: domains (`media.example.com`) and URL prefixes (`https://example.com/videos/`). */
  readonly verifiedProperties: readonly string[]
  /** Where events are told; null is nowhere. */
  readonly webhookUrl: string | null
}

export interface Counters {
  /** Accepted inits of every kind: so many posts and drafts there are. */
  readonly inits: number
  readonly inboxInits: number
  readonly photoInits: number
  readonly puts: number
  readonly bytes: number
  /** A chunk that was already there came again, byte range for byte range. */
  readonly repeatedChunks: number
  readonly statusFetches: number
  readonly cancels: number
  readonly exchanges: number
  readonly refreshes: number
  /** A spent refresh token was presented. */
  readonly refreshReuse: number
  /** All tokens of a consent died of a reuse. */
  readonly familiesRevoked: number
  readonly revokes: number
  /** How often an account was lost, be it by a revoke or by its owner. */
  readonly disconnects: number
  /** A chunk came with an access token, which has no business there. */
  readonly authorizationOnUpload: number
  readonly faults: number
  /** A client went after a redirect that it should have refused. */
  readonly redirectsFollowed: number
  /** Attempts to tell the app something. */
  readonly webhooksSent: number
  /** Attempts that it answered with 200. */
  readonly webhooksAccepted: number
  /** Attempts that followed a failed one. */
  readonly webhooksRetried: number
  readonly webhooksLost: number
  /** Events that were given up after too many failed attempts. */
  readonly webhooksAbandoned: number
  /** How often each code was answered; uploads count as `http_416` and the like. */
  readonly refused: Readonly<Record<string, number>>
}
