import { z } from 'zod'
import { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import type { ChunkPlan } from './chunk-plan.ts'
import type { PrivacyLevel } from './creator-info.ts'

/** A video that will be uploaded in chunks. */
export interface FileUpload {
  readonly videoSize: number
  readonly plan: ChunkPlan
}

/** What the audience will see. Check it with `postViolations` first: TikTok does not enforce all of its rules by a code. */
export interface PostInfo {
  /** The caption, at most `captionLimit` UTF-16 code units. */
  readonly title: string
  readonly privacyLevel: PrivacyLevel
  readonly disableComment: boolean
  readonly disableDuet: boolean
  readonly disableStitch: boolean
  /** The frame that becomes the cover. Default: the first frame. */
  readonly coverTimestampMs?: number
  /** A paid partnership with another business. */
  readonly brandContent: boolean
  /** Promotes the creator's own business. */
  readonly brandOrganic: boolean
  /** AI-generated content: TikTok labels it. */
  readonly isAigc: boolean
}

export interface DirectPost extends FileUpload {
  readonly post: PostInfo
}

export interface StartedPost {
  readonly publishId: string
  /** Contains the upload token. Valid for one hour, within which the whole upload must end. */
  readonly uploadUrl: Secret
}

/** TikTok: `POST /v2/post/publish/video/init/`, source `FILE_UPLOAD`. Store the answer before the first byte is sent. */
export function initDirectPost(
  api: Upstream,
  accessToken: Secret,
  { post, ...file }: DirectPost,
  signal?: AbortSignal,
): Promise<Answer<StartedPost>> {
  const postInfo = {
    title: post.title,
    privacy_level: post.privacyLevel,
    disable_comment: post.disableComment,
    disable_duet: post.disableDuet,
    disable_stitch: post.disableStitch,
    video_cover_timestamp_ms: post.coverTimestampMs,
    brand_content_toggle: post.brandContent,
    brand_organic_toggle: post.brandOrganic,
    is_aigc: post.isAigc,
  }
  return startUpload(api, '/v2/post/publish/video/init/', accessToken, file, { post_info: postInfo }, signal)
}

/**
 * TikTok: `POST /v2/post/publish/inbox/video/init/`, source `FILE_UPLOAD`. A draft has no `post_info`: its creator finishes
 * it in the app after a notification. TikTok allows five pending drafts in any 24 hours.
 */
export function initInboxVideo(
  api: Upstream,
  accessToken: Secret,
  video: FileUpload,
  signal?: AbortSignal,
): Promise<Answer<StartedPost>> {
  return startUpload(api, '/v2/post/publish/inbox/video/init/', accessToken, video, {}, signal)
}

/**
 * Finds a whole publish id in a text: the closing quote excludes one that was cut. Source: "Get started", and the photo
 * post's page.
 */
export const publishIdPattern = /\b([vp]_(?:pub|inbox)_(?:file|url)~[\w.~-]{1,52})[\\"']/

const success = envelope(z.object({ publish_id: z.string().min(1), upload_url: z.url() }))

async function startUpload(
  api: Upstream,
  path: string,
  accessToken: Secret,
  { videoSize, plan }: FileUpload,
  postInfo: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<Answer<StartedPost>> {
  const sourceInfo = {
    source: 'FILE_UPLOAD',
    video_size: videoSize,
    chunk_size: plan.chunkSize,
    total_chunk_count: plan.count,
  }
  const answer = classify(
    await postJson(api, path, accessToken, { ...postInfo, source_info: sourceInfo }, signal),
    success,
    { idPattern: publishIdPattern },
  )
  if (answer.kind !== 'ok') return answer

  const { publish_id, upload_url } = answer.body.data
  return { kind: 'ok', publishId: publish_id, uploadUrl: new Secret(upload_url) }
}
