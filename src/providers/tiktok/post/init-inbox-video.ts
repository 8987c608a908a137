import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import type { Upstream } from '../http/upstream.ts'
import { type FileUpload, type StartedPost, startUpload } from './start-upload.ts'

/**
 * TikTok: `POST /v2/post/publish/inbox/video/init/`, source `FILE_UPLOAD`. A draft has no `post_info`: its owner finishes it
 * in the app, after a notification, and should be told so. At most five may be pending in any 24 hours.
 */
export function initInboxVideo(
  api: Upstream,
  accessToken: Secret,
  video: FileUpload,
  signal?: AbortSignal,
): Promise<Answer<StartedPost>> {
  return startUpload(api, '/v2/post/publish/inbox/video/init/', accessToken, video, {}, signal)
}
