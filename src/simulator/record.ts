/**
 * What the local TikTok remembers, all of it JSON. Times are milliseconds of its own clock.
 *
 * A book may be older than its program: fields that came later are optional, and their absence means what it did then.
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
  /** As the knobs stood at init, so that turning them does not rewrite the past. */
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
  readonly state: 'waiting' | 'accepted' | 'lost' | 'abandoned' | 'untold'
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
  readonly densest: number
  readonly refused: number
}
