import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import { maxVideos, type Video, videoFieldsQuery, videoSchema } from './video.ts'

const success = envelope(z.object({ videos: z.array(videoSchema).default([]) }))

/**
 * TikTok: `POST /v2/video/query/?fields=…`, this creator's videos by id. A video that does not exist, is not public or
 * belongs to another creator is omitted. Throws RangeError for no ids or more than 20.
 */
export async function queryVideos(
  api: Upstream,
  accessToken: Secret,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<Answer<{ readonly videos: readonly Video[] }>> {
  if (ids.length < 1 || ids.length > maxVideos) {
    throw new RangeError(`${ids.length} video ids were given; TikTok accepts 1 to ${maxVideos}`)
  }
  const answer = classify(
    await postJson(
      api,
      `/v2/video/query/?${videoFieldsQuery}`,
      accessToken,
      { filters: { video_ids: ids } },
      signal,
    ),
    success,
  )
  return answer.kind === 'ok' ? { kind: 'ok', videos: answer.body.data.videos } : answer
}
