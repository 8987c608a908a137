import type { Secret } from '../../secret.ts'
import type { Answer } from './answer.ts'
import type { CreatorInfo } from './creator.ts'
import { creatorInfo } from './creator-info.ts'
import { type DirectPost, initDirectPost, type StartedPost } from './init-direct-post.ts'
import { type PostProgress, postStatus } from './post-status.ts'
import { type Chunk, type ChunkAnswer, putChunk } from './put-chunk.ts'
import { type AuthorizationCode, exchangeCode, refreshToken, type TokenGrant } from './token.ts'
import type { Upstream } from './upstream.ts'

export interface TikTokClient {
  /** What this creator may post now, and whether at all. Scope `video.publish`, 20 a minute and token. */
  creatorInfo(accessToken: Secret, signal?: AbortSignal): Promise<Answer<{ readonly creator: CreatorInfo }>>
  /** Creates a post, whose bytes are then owed within the hour. There is no idempotency key: never repeat an `unknown`. */
  initDirectPost(accessToken: Secret, post: DirectPost, signal?: AbortSignal): Promise<Answer<StartedPost>>
  /** Sends one chunk. Throws only what `chunk.body` itself throws. */
  putChunk(uploadUrl: Secret, chunk: Chunk, signal?: AbortSignal): Promise<ChunkAnswer>
  /** Where a post stands. 30 a minute and token. */
  status(accessToken: Secret, publishId: string, signal?: AbortSignal): Promise<Answer<PostProgress>>
  /** Trades a refresh token for a new pair; the old one is dead from then on, so store the answer before using it. */
  refreshToken(token: Secret, signal?: AbortSignal): Promise<Answer<{ readonly grant: TokenGrant }>>
  exchangeCode(code: AuthorizationCode, signal?: AbortSignal): Promise<Answer<{ readonly grant: TokenGrant }>>
}

export interface TikTokClientOptions {
  /** `https://open.tiktokapis.com`, or the local one. */
  readonly apiBase: string
  readonly clientKey: string
  readonly clientSecret: Secret
  /** For each JSON or form call, answer read included. 30 seconds unless told. */
  readonly deadlineMs?: number
  /** For each chunk, which is up to 64 MB. 5 minutes unless told. */
  readonly chunkDeadlineMs?: number
  readonly fetch?: typeof fetch
}

/** The part of TikTok's Content Posting API v2 that a direct post of a video needs. */
export function createTikTokClient(options: TikTokClientOptions): TikTokClient {
  const send = options.fetch ?? fetch
  const api: Upstream = { base: options.apiBase, deadlineMs: options.deadlineMs ?? 30_000, fetch: send }
  const uploads = { deadlineMs: options.chunkDeadlineMs ?? 300_000, fetch: send }
  const app = { clientKey: options.clientKey, clientSecret: options.clientSecret }

  return {
    creatorInfo: (accessToken, signal) => creatorInfo(api, accessToken, signal),
    initDirectPost: (accessToken, post, signal) => initDirectPost(api, accessToken, post, signal),
    putChunk: (uploadUrl, chunk, signal) => putChunk(uploads, uploadUrl, chunk, signal),
    status: (accessToken, publishId, signal) => postStatus(api, accessToken, publishId, signal),
    refreshToken: (token, signal) => refreshToken(api, app, token, signal),
    exchangeCode: (code, signal) => exchangeCode(api, app, code, signal),
  }
}
