import { z } from 'zod'
import { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import type { ChunkPlan } from './chunk-plan.ts'

/** A video that will be sent as bytes. */
export interface FileUpload {
  readonly videoSize: number
  readonly plan: ChunkPlan
}

export interface StartedPost {
  readonly publishId: string
  /** Carries the upload token; lives one hour, in which the whole upload must end. */
  readonly uploadUrl: Secret
}

/** The form of a publish id, closed by a quote: one that was cut is none. Source: get started, and the photo post's page. */
export const publishIdForm = /\b([vp]_(?:pub|inbox)_(?:file|url)~[\w.~-]{1,52})[\\"']/

const success = envelope(z.object({ publish_id: z.string().min(1), upload_url: z.url() }))

/** Both inits of a video: one source, one answer; a direct post brings its `post_info` along. */
export async function startUpload(
  api: Upstream,
  path: string,
  accessToken: Secret,
  { videoSize, plan }: FileUpload,
  more: Readonly<Record<string, unknown>>,
  signal: AbortSignal | undefined,
): Promise<Answer<StartedPost>> {
  const sourceInfo = {
    source: 'FILE_UPLOAD',
    video_size: videoSize,
    chunk_size: plan.chunkSize,
    total_chunk_count: plan.count,
  }
  const answer = classify(
    await postJson(api, path, accessToken, { ...more, source_info: sourceInfo }, signal),
    success,
    { idPattern: publishIdForm },
  )
  if (answer.kind !== 'ok') return answer

  const { publish_id, upload_url } = answer.body.data
  return { kind: 'ok', publishId: publish_id, uploadUrl: new Secret(upload_url) }
}
