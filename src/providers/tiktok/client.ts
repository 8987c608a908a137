import type { Secret } from '../../secret.ts'
import { listVideos, type VideoPage, type VideoPageRequest } from './display/list-videos.ts'
import { queryVideos } from './display/query-videos.ts'
import { type UserField, type UserInfo, userInfo } from './display/user-info.ts'
import type { Video } from './display/video.ts'
import type { Answer } from './http/answer.ts'
import { type Caller, type Guard, type GuardedCall, guardChunk } from './http/guard.ts'
import type { Upstream } from './http/upstream.ts'
import { type AuthorizeRequest, authorizeUrl } from './oauth/authorize-url.ts'
import { type AuthorizationCode, exchangeCode, refreshToken, revoke, type TokenGrant } from './oauth/token.ts'
import { cancelPost } from './post/cancel-post.ts'
import { type CreatorInfo, creatorInfo } from './post/creator-info.ts'
import { initPhotoPost, type PhotoPost } from './post/init-photo-post.ts'
import { type PostProgress, postStatus } from './post/post-status.ts'
import { type Chunk, type ChunkAnswer, putChunk } from './post/put-chunk.ts'
import {
  type DirectPost,
  type FileUpload,
  initDirectPost,
  initInboxVideo,
  type StartedPost,
} from './post/start-upload.ts'

/**
 * A client of TikTok's API v2: OAuth, content posting and display. Every call has a deadline, passes the guard and answers a
 * closed union; no call throws for network faults or TikTok's errors.
 */
export interface TikTokClient {
  /** The same client for one account: its calls pass the caller and their 1-based attempt number to the guard. */
  forCaller(caller: Caller, attempt?: number): TikTokClient

  /** The URL where a browser grants access. Makes no call. */
  authorizeUrl(request: AuthorizeRequest): string
  exchangeCode(code: AuthorizationCode, signal?: AbortSignal): Promise<Answer<{ readonly grant: TokenGrant }>>
  /** Exchanges a refresh token for a new pair. The old pair is invalid from then on: store the answer before using it. */
  refreshToken(token: Secret, signal?: AbortSignal): Promise<Answer<{ readonly grant: TokenGrant }>>
  /** Disconnects the app from the creator's account. */
  revoke(accessToken: Secret, signal?: AbortSignal): Promise<Answer<unknown>>

  /** What this creator may post now, and whether they may post at all. Scope `video.publish`, 20 calls per minute and token. */
  creatorInfo(accessToken: Secret, signal?: AbortSignal): Promise<Answer<{ readonly creator: CreatorInfo }>>
  /** Creates a post, whose bytes must be uploaded within the hour. There is no idempotency key: never repeat an `unknown`. */
  initDirectPost(accessToken: Secret, post: DirectPost, signal?: AbortSignal): Promise<Answer<StartedPost>>
  /** Creates a draft, which its creator finishes in the app. Scope `video.upload`. */
  initInboxVideo(accessToken: Secret, video: FileUpload, signal?: AbortSignal): Promise<Answer<StartedPost>>
  /** Creates a photo post, whose images TikTok fetches. Nothing is uploaded, so an `unknown` may still become a post. */
  initPhotoPost(
    accessToken: Secret,
    photos: PhotoPost,
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly publishId: string }>>
  /** Sends one chunk. Throws what `chunk.body` throws, and RangeError if its length differs from its range. */
  putChunk(uploadUrl: Secret, chunk: Chunk, signal?: AbortSignal): Promise<ChunkAnswer>
  /** A post's status. 30 calls per minute and token. */
  status(accessToken: Secret, publishId: string, signal?: AbortSignal): Promise<Answer<PostProgress>>
  /** Cancels a post whose media TikTok is still fetching. Best effort. */
  cancelPost(accessToken: Secret, publishId: string, signal?: AbortSignal): Promise<Answer<unknown>>

  /** Request only fields that the granted scopes permit: see `userFieldsOf`. */
  userInfo(
    accessToken: Secret,
    fields: readonly UserField[],
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly user: Partial<UserInfo> }>>
  /** The creator's public videos, newest first. Scope `video.list`. */
  listVideos(accessToken: Secret, page?: VideoPageRequest, signal?: AbortSignal): Promise<Answer<VideoPage>>
  /** The creator's public videos among up to 20 ids. Scope `video.list`. */
  queryVideos(
    accessToken: Secret,
    ids: readonly string[],
    signal?: AbortSignal,
  ): Promise<Answer<{ readonly videos: readonly Video[] }>>
}

export interface TikTokClientOptions {
  /** `https://open.tiktokapis.com`, or the local simulator. */
  readonly apiBase: string
  /** The host of the authorize page. Default: `https://www.tiktok.com`. */
  readonly authorizeBase?: string
  readonly clientKey: string
  readonly clientSecret: Secret
  /** Runs before every call. Default: permits all calls. */
  readonly guard?: Guard
  /** For each JSON or form call, including reading its answer. Default: 30 s. */
  readonly deadlineMs?: number
  /** For each chunk of up to 64 MB. Default: 5 min. */
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

  function createClient(metadata: Omit<GuardedCall, 'endpoint'>): TikTokClient {
    const guarded = <Value>(endpoint: GuardedCall['endpoint'], run: () => Promise<Answer<Value>>) =>
      guard({ endpoint, ...metadata }, run)

    return {
      forCaller: (caller, attempt) => createClient({ caller, ...(attempt !== undefined && { attempt }) }),

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
        guardChunk(guard, { endpoint: 'upload', ...metadata }, () =>
          putChunk(uploads, uploadUrl, chunk, signal),
        ),
      status: (token, publishId, signal) =>
        guarded('status', () => postStatus(api, token, publishId, signal)),
      cancelPost: (token, publishId, signal) =>
        guarded('cancel', () => cancelPost(api, token, publishId, signal)),

      userInfo: (token, fields, signal) => guarded('userInfo', () => userInfo(api, token, fields, signal)),
      listVideos: (token, page, signal) => guarded('videoList', () => listVideos(api, token, page, signal)),
      queryVideos: (token, ids, signal) => guarded('videoQuery', () => queryVideos(api, token, ids, signal)),
    }
  }

  return createClient({})
}
