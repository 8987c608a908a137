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

/** `UNRECOGNISED` is not an end: TikTok has a word that we do not know yet. */
export type PostStatus = (typeof knownStatuses)[number] | 'UNRECOGNISED'

export interface PostProgress {
  readonly status: PostStatus
  /** TikTok's own word for the status. */
  readonly reportedStatus: string
  readonly failReason?: string
  /** Empty until a public post has passed moderation, and always for a private one. Each id with all of its digits. */
  readonly publicPostIds: readonly string[]
  /** How far the upload got; `nextChunk` reads it. */
  readonly uploadedBytes?: number
  /** How much TikTok has fetched, of what it fetches itself. */
  readonly downloadedBytes?: number
}

// Documented as a list of numbers; seen as text and as one bare number too.
const postId = z.union([z.string(), z.number()]).transform(String)
const postIds = z.union([z.array(postId), postId.transform((id) => [id])]).nullish()

const success = envelope(
  z.object({
    status: z.string(),
    fail_reason: z.string().nullish(),
    // The misspelling is TikTok's.
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
