import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import { maxVideos, type Video, videoFieldsQuery, videoSchema } from './video.ts'

export interface VideoPageRequest {
  /** Epoch milliseconds, such as the previous page's cursor: only older videos are listed. */
  readonly cursor?: number
  /** 1 to 20. Default, at TikTok: 10. */
  readonly maxCount?: number
}

export interface VideoPage {
  /** Newest first. */
  readonly videos: readonly Video[]
  /** Epoch milliseconds. TikTok uses them for the cursor, and seconds for its videos' times. */
  readonly cursor: number
  readonly hasMore: boolean
}

const success = envelope(
  z.object({
    videos: z.array(videoSchema).default([]),
    cursor: z.number().default(0),
    has_more: z.boolean(),
  }),
)

/**
 * TikTok: `POST /v2/video/list/?fields=…`, a creator's public videos. The fields belong in the query, the rest in the body.
 * Throws RangeError for a `maxCount` that TikTok does not accept.
 */
export async function listVideos(
  api: Upstream,
  accessToken: Secret,
  { cursor, maxCount }: VideoPageRequest = {},
  signal?: AbortSignal,
): Promise<Answer<VideoPage>> {
  if (maxCount !== undefined && !(maxCount >= 1 && maxCount <= maxVideos)) {
    throw new RangeError(`maxCount is ${maxCount}; TikTok accepts 1 to ${maxVideos}`)
  }
  const answer = classify(
    await postJson(
      api,
      `/v2/video/list/?${videoFieldsQuery}`,
      accessToken,
      { cursor, max_count: maxCount },
      signal,
    ),
    success,
  )
  if (answer.kind !== 'ok') return answer

  const { videos, cursor: next, has_more: hasMore } = answer.body.data
  return { kind: 'ok', videos, cursor: next, hasMore }
}
