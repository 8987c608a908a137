import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'

const success = envelope(z.unknown().optional())

/**
 * TikTok: `POST /v2/post/publish/cancel/`. Documented for media that TikTok is still fetching, and best effort even then:
 * the post's status shows whether it was cancelled (`publish_cancelled`). Source: media transfer guide.
 */
export async function cancelPost(
  api: Upstream,
  accessToken: Secret,
  publishId: string,
  signal?: AbortSignal,
): Promise<Answer<unknown>> {
  const answer = classify(
    await postJson(api, '/v2/post/publish/cancel/', accessToken, { publish_id: publishId }, signal),
    success,
  )
  return answer.kind === 'ok' ? { kind: 'ok' } : answer
}
