import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import type { Upstream } from '../http/upstream.ts'
import type { PrivacyLevel } from './creator.ts'
import { type FileUpload, type StartedPost, startUpload } from './start-upload.ts'

export type { StartedPost } from './start-upload.ts'

/** What the audience will see. Check it with `postViolations` first: some of its rules TikTok does not enforce by a code. */
export interface PostInfo {
  /** The caption; at most `captionLimit` UTF-16 code units. */
  readonly title: string
  readonly privacyLevel: PrivacyLevel
  readonly disableComment: boolean
  readonly disableDuet: boolean
  readonly disableStitch: boolean
  /** The frame to use as the cover; the first one unless told. */
  readonly coverTimestampMs?: number
  /** A paid partnership for somebody else. */
  readonly brandContent: boolean
  /** Promotes the creator's own business. */
  readonly brandOrganic: boolean
  /** Made by AI: TikTok labels it so. */
  readonly isAigc: boolean
}

export interface DirectPost extends FileUpload {
  readonly post: PostInfo
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
