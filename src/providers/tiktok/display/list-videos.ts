import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import { toldVideo, type Video, videoLimit, videoQuery } from './video.ts'

export interface VideoPlace {
  /** Of the page before; only older videos follow. Any time in epoch milliseconds will do. */
  readonly cursor?: number
  /** 1 to 20; TikTok's own choice, unless told, is 10. */
  readonly maxCount?: number
}

export interface VideoPage {
  /** Newest first. */
  readonly videos: readonly Video[]
  /** Epoch milliseconds, at TikTok as well, whose videos have their times in seconds. */
  readonly cursor: number
  readonly hasMore: boolean
}

const success = envelope(
  z.object({ videos: z.array(toldVideo).default([]), cursor: z.number().default(0), has_more: z.boolean() }),
)

/**
 * TikTok: `POST /v2/video/list/?fields=…`, a creator's public videos. The fields go into the query, the rest into the body.
 * Throws RangeError for a `maxCount` that TikTok does not take.
 */
export async function listVideos(
  api: Upstream,
  accessToken: Secret,
  { cursor, maxCount }: VideoPlace = {},
  signal?: AbortSignal,
): Promise<Answer<VideoPage>> {
  if (maxCount !== undefined && !(maxCount >= 1 && maxCount <= videoLimit)) {
    throw new RangeError(`a page of ${maxCount} videos; TikTok has 1 to ${videoLimit}`)
  }
  const answer = classify(
    await postJson(
      api,
      `/v2/video/list/?${videoQuery}`,
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
