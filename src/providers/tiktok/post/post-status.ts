import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'

const knownStatuses = [
  'PROCESSING_UPLOAD',
  'PROCESSING_DOWNLOAD',
  'SEND_TO_USER_INBOX',
  'PUBLISH_COMPLETE',
  'FAILED',
] as const

/** `UNRECOGNISED`: a status that this version does not know. It does not end the post. */
export type PostStatus = (typeof knownStatuses)[number] | 'UNRECOGNISED'

export interface PostProgress {
  readonly status: PostStatus
  /** The status as TikTok reported it. */
  readonly reportedStatus: string
  readonly failReason?: string
  /** Empty until a public post has passed moderation, and always for a private post. Each id keeps all of its digits. */
  readonly publicPostIds: readonly string[]
  /** How much of the upload TikTok has stored; `nextChunk` reads it. */
  readonly uploadedBytes?: number
  /** How much TikTok has fetched of media that it fetches itself. */
  readonly downloadedBytes?: number
}

// Documented as a list of numbers; also observed as text and as one bare number.
const postId = z.union([z.string(), z.number()]).transform(String)
const postIds = z.union([z.array(postId), postId.transform((id) => [id])]).nullish()

const success = envelope(
  z.object({
    status: z.string(),
    fail_reason: z.string().nullish(),
    // TikTok's own spelling.
    publicaly_available_post_id: postIds,
    uploaded_bytes: z.number().nullish(),
    downloaded_bytes: z.number().nullish(),
  }),
)

/** TikTok: `POST /v2/post/publish/status/fetch/`. */
export async function postStatus(
  api: Upstream,
  accessToken: Secret,
  publishId: string,
  signal?: AbortSignal,
): Promise<Answer<PostProgress>> {
  const answer = classify(
    await postJson(api, '/v2/post/publish/status/fetch/', accessToken, { publish_id: publishId }, signal),
    success,
  )
  if (answer.kind !== 'ok') return answer

  const { data } = answer.body
  return {
    kind: 'ok',
    status: knownStatuses.find((status) => status === data.status) ?? 'UNRECOGNISED',
    reportedStatus: data.status,
    ...(data.fail_reason && { failReason: data.fail_reason }),
    publicPostIds: data.publicaly_available_post_id ?? [],
    ...(typeof data.uploaded_bytes === 'number' && { uploadedBytes: data.uploaded_bytes }),
    ...(typeof data.downloaded_bytes === 'number' && { downloadedBytes: data.downloaded_bytes }),
  }
}
