import type { Secret } from '../../secret.ts'
import { listVideos, type VideoPage, type VideoPlace } from './display/list-videos.ts'
import { queryVideos } from './display/query-videos.ts'
import { type UserField, type UserInfo, userInfo } from './display/user-info.ts'
import type { Video } from './display/video.ts'
import type { Answer } from './http/answer.ts'
import { type Caller, type Guard, type GuardedCall, guardChunk } from './http/guard.ts'
import type { Upstream } from './http/upstream.ts'
import { type AuthorizeRequest, authorizeUrl } from './oauth/authorize-url.ts'
import { revoke } from './oauth/revoke.ts'
import { type AuthorizationCode, exchangeCode, refreshToken, type TokenGrant } from './oauth/token.ts'
import { cancelPost } from './post/cancel-post.ts'
import type { CreatorInfo } from './post/creator.ts'
import { creatorInfo } from './post/creator-info.ts'
import { type DirectPost, initDirectPost } from './post/init-direct-post.ts'
import { initInboxVideo } from './post/init-inbox-video.ts'
import { initPhotoPost, type PhotoPost } from './post/init-photo-post.ts'
import { type PostProgress, postStatus } from './post/post-status.ts'
import { type Chunk, type ChunkAnswer, putChunk } from './post/put-chunk.ts'
import type { FileUpload, StartedPost } from './post/start-upload.ts'

/**
 * TikTok's API v2, as far as an account is connected, posts, and is looked after. Every call has a deadline, passes the
 * guard and answers a closed union; none throws for anything that the network or TikTok may do.
 */
export interface TikTokClient {
  /** The same client for one account: its calls name the caller, and which attempt they are, to the guard. */
  forCaller(caller: Caller, attempt?: number): TikTokClient

  /** Where a browser goes to grant access; calls nobody. */
  authorizeUrl(request: AuthorizeRequest): string
  exchangeCode(code: AuthorizationCode, signal?: AbortSignal): Promise<Answer<{ readonly grant: TokenGrant }>>
  /** Trades a refresh token for a new pair; the old one is dead from then on, so store the answer before using it. */
  refreshToken(token: Secret, signal?: AbortSignal): Promise<Answer<{ readonly grant: TokenGrant }>>
  /** Takes the app out of what the person has connected. */
  revoke(accessToken: Secret, signal?: AbortSignal): Promise<Answer<unknown>>

  /** What this creator may post now, and whether at all. Scope `video.publish`, 20 a minute and token. */
  creatorInfo(accessToken: Secret, signal?: AbortSignal): Promise<Answer<{ readonly creator: CreatorInfo }>>
  /** Creates a post, whose bytes are then owed within the hour. There is no idempotency key: never repeat an `unknown`. */
  initDirectPost(accessToken: Secret, post: DirectPost, signal?: AbortSignal): Promise<Answer<StartedPost>>
  /** The same for a draft, which its owner finishes in the app. Scope `video.upload`. */
  initInboxVideo(accessToken: Secret, video: FileUpload, signal?: AbortSignal): Promise<Answer<StartedPost>>
  /** Photos, which TikTok fetches. Nothing is uploaded: an `unknown` may become a post by itself. */
  initPhotoPost(
    accessToken: Secret,
    photos: PhotoPost,
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly publishId: string }>>
  /** Sends one chunk. Throws only what `chunk.body` itself throws. */
  putChunk(uploadUrl: Secret, chunk: Chunk, signal?: AbortSignal): Promise<ChunkAnswer>
  /** Where a post stands. 30 a minute and token. */
  status(accessToken: Secret, publishId: string, signal?: AbortSignal): Promise<Answer<PostProgress>>
  /** Best effort, for what TikTok is still fetching. */
  cancelPost(accessToken: Secret, publishId: string, signal?: AbortSignal): Promise<Answer<unknown>>

  /** Ask only for what the granted scopes open: `userFieldsOf`. */
  userInfo(
    accessToken: Secret,
    fields: readonly UserField[],
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly user: Partial<UserInfo> }>>
  /** The creator's public videos, newest first. Scope `video.list`. */
  listVideos(accessToken: Secret, place?: VideoPlace, signal?: AbortSignal): Promise<Answer<VideoPage>>
  /** Those of up to 20 ids that are there, public and this creator's. Scope `video.list`. */
  queryVideos(
    accessToken: Secret,
    ids: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly videos: readonly Video[] }>>
}

export interface TikTokClientOptions {
  /** `https://open.tiktokapis.com`, or the local one. */
  readonly apiBase: string
  /** Where browsers go. `https://www.tiktok.com` unless told. */
  readonly authorizeBase?: string
  readonly clientKey: string
  readonly clientSecret: Secret
  /** Before every call. Lets all of them through, unless told. */
  readonly guard?: Guard
  /** For each JSON or form call, answer read included. 30 seconds unless told. */
  readonly deadlineMs?: number
  /** For each chunk, which is up to 64 MB. 5 minutes unless told. */
  readonly chunkDeadlineMs?: number
  readonly fetch?: typeof fetch
}

export function createTikTokClient(options: TikTokClientOptions): TikTokClient {
  const send = options.fetch ?? fetch
  const api: Upstream = { base: options.apiBase, deadlineMs: options.deadlineMs ?? 30_000, fetch: send }
  const uploads = { deadlineMs: options.chunkDeadlineMs ?? 300_000, fetch: send }
  const app = { clientKey: options.clientKey, clientSecret: options.clientSecret }
  const base = options.authorizeBase ?? 'https://www.tiktok.com'
  const guard: Guard = options.guard ?? ((_, run) => run())

  function clientFor(whom: Omit<GuardedCall, 'endpoint'>): TikTokClient {
    const guarded = <Value>(endpoint: GuardedCall['endpoint'], run: () => Promise<Answer<Value>>) =>
      guard({ endpoint, ...whom }, run)

    return {
      forCaller: (caller, attempt) => clientFor({ caller, ...(attempt !== undefined && { attempt }) }),

      authorizeUrl: (request) => authorizeUrl({ ...request, base, clientKey: app.clientKey }),
      exchangeCode: (code, signal) => guarded('token', () => exchangeCode(api, app, code, signal)),
      refreshToken: (token, signal) => guarded('token', () => refreshToken(api, app, token, signal)),
      revoke: (token, signal) => guarded('revoke', () => revoke(api, app, token, signal)),

      creatorInfo: (token, signal) => guarded('creatorInfo', () => creatorInfo(api, token, signal)),
      initDirectPost: (token, post, signal) =>
        guarded('videoInit', () => initDirectPost(api, token, post, signal)),
      initInboxVideo: (token, video, signal) =>
        guarded('inboxInit', () => initInboxVideo(api, token, video, signal)),
      initPhotoPost: (token, photos, signal) =>
        guarded('photoInit', () => initPhotoPost(api, token, photos, signal)),
      putChunk: (uploadUrl, chunk, signal) =>
        guardChunk(guard, { endpoint: 'upload', ...whom }, () => putChunk(uploads, uploadUrl, chunk, signal)),
      status: (token, publishId, signal) =>
        guarded('status', () => postStatus(api, token, publishId, signal)),
      cancelPost: (token, publishId, signal) =>
        guarded('cancel', () => cancelPost(api, token, publishId, signal)),

      userInfo: (token, fields, signal) => guarded('userInfo', () => userInfo(api, token, fields, signal)),
      listVideos: (token, place, signal) => guarded('videoList', () => listVideos(api, token, place, signal)),
      queryVideos: (token, ids, signal) => guarded('videoQuery', () => queryVideos(api, token, ids, signal)),
    }
  }

  return clientFor({})
}
