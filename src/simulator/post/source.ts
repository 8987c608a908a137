import { z } from 'zod'
import type { SimulatorContext } from '../context.ts'
import { type Reply, refuse, succeed } from '../http/reply.ts'
import type { Publish } from '../record.ts'
import { chunkPlanError } from './chunk-check.ts'
import { pullUrlRefusal } from './pull-url.ts'

/** The source of a video: an upload with a declared chunk plan, or a URL. */
export const videoSource = z.discriminatedUnion('source', [
  z.object({
    source: z.literal('FILE_UPLOAD'),
    video_size: z.int(),
    chunk_size: z.int(),
    total_chunk_count: z.int(),
  }),
  z.object({ source: z.literal('PULL_FROM_URL'), video_url: z.string() }),
])

export type VideoSource = z.infer<typeof videoSource>

export function sourceRefusal(context: SimulatorContext, source: VideoSource): Reply | undefined {
  if (source.source === 'PULL_FROM_URL') {
    return pullUrlRefusal(context.app(), source.video_url, context.now())
  }
  const { video_size: size, chunk_size: chunk, total_chunk_count: count } = source
  const error = chunkPlanError({ size, chunk, count }, context.settings().singleChunkLimit)
  return error ? refuse(400, 'invalid_params', error, context.now()) : undefined
}

/** The fields of a post's record that depend on its source. */
export function sourceFields(source: VideoSource) {
  return source.source === 'PULL_FROM_URL'
    ? { size: 0, chunkSize: 0, chunkCount: 0, urls: [source.video_url] }
    : { size: source.video_size, chunkSize: source.chunk_size, chunkCount: source.total_chunk_count }
}

/** The answer to an init: the publish id, and the upload URL of an upload. */
export function initReply(
  context: SimulatorContext,
  { publishId, pull, uploadId, uploadToken }: Publish,
): Reply {
  const query = `upload_id=${uploadId}&upload_token=${uploadToken}`
  return succeed(
    { publish_id: publishId, ...(!pull && { upload_url: `${context.url()}/video/?${query}` }) },
    context.now(),
  )
}

/** A refusal that names the first invalid field. */
export function invalidParams(error: z.ZodError, now: number): Reply {
  return refuse(400, 'invalid_params', `${error.issues[0]?.path.join('.')} is invalid`, now)
}
