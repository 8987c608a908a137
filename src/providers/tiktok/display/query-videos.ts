import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import { toldVideo, type Video, videoLimit, videoQuery } from './video.ts'

const success = envelope(z.object({ videos: z.array(toldVideo).default([]) }))

/**
 * TikTok: `POST /v2/video/query/?fields=…`, videos of this creator by id; one that is not there, not public or not theirs
 * is left out. Throws RangeError for no id or more than 20.
 */
export async function queryVideos(
  api: Upstream,
  accessToken: Secret,
  ids: readonly string[],
  signal?: AbortSignal,
): Promise<Answer<{ readonly videos: readonly Video[] }>> {
  if (ids.length < 1 || ids.length > videoLimit) {
    throw new RangeError(`${ids.length} video ids; TikTok takes 1 to ${videoLimit}`)
  }
  const answer = classify(
    await postJson(
      api,
      `/v2/video/query/?${videoQuery}`,
      accessToken,
      { filters: { video_ids: ids } },
      signal,
    ),
    success,
  )
  return answer.kind === 'ok' ? { kind: 'ok', videos: answer.body.data.videos } : answer
}
