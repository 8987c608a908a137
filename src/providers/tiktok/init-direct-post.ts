import { z } from 'zod'
import { Secret } from '../../secret.ts'
import type { Answer } from './answer.ts'
import type { ChunkPlan } from './chunk-plan.ts'
import { classify, envelope } from './classify.ts'
import type { PrivacyLevel } from './creator.ts'
import { postJson } from './post-json.ts'
import type { Upstream } from './upstream.ts'

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

export interface DirectPost {
  readonly post: PostInfo
  readonly videoSize: number
  readonly plan: ChunkPlan
}

export interface StartedPost {
  readonly publishId: string
  /** Carries the upload token; lives one hour, in which the whole upload must end. */
  readonly uploadUrl: Secret
}

const success = envelope(z.object({ publish_id: z.string().min(1), upload_url: z.url() }))

/** TikTok: `POST /v2/post/publish/video/init/`, source `FILE_UPLOAD`. Store the answer before the first byte is sent. */
export async function initDirectPost(
  api: Upstream,
  accessToken: Secret,
  { post, videoSize, plan }: DirectPost,
  signal?: AbortSignal,
): Promise<Answer<StartedPost>> {
  const request = {
    post_info: {
      title: post.title,
      privacy_level: post.privacyLevel,
      disable_comment: post.disableComment,
      disable_duet: post.disableDuet,
      disable_stitch: post.disableStitch,
      video_cover_timestamp_ms: post.coverTimestampMs,
      brand_content_toggle: post.brandContent,
      brand_organic_toggle: post.brandOrganic,
      is_aigc: post.isAigc,
    },
    source_info: {
      source: 'FILE_UPLOAD',
      video_size: videoSize,
      chunk_size: plan.chunkSize,
      total_chunk_count: plan.count,
    },
  }
  const answer = classify(
    await postJson(api, '/v2/post/publish/video/init/', accessToken, request, signal),
    success,
  )
  if (answer.kind !== 'ok') return answer

  const { publish_id, upload_url } = answer.body.data
  return { kind: 'ok', publishId: publish_id, uploadUrl: new Secret(upload_url) }
}
