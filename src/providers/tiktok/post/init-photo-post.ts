import { z } from 'zod'
import type { Secret } from '../../../secret.ts'
import type { Answer } from '../http/answer.ts'
import { classify, envelope } from '../http/classify.ts'
import { postJson } from '../http/post-json.ts'
import type { Upstream } from '../http/upstream.ts'
import type { PrivacyLevel } from './creator-info.ts'
import { publishIdPattern } from './start-upload.ts'

interface Photos {
  /** At most 90 UTF-16 code units. */
  readonly title: string
  /** At most 4000 UTF-16 code units. */
  readonly description: string
  /** 1–35 https URLs of JPEG or WebP images, on a domain that is verified for the app, without redirects. */
  readonly images: readonly string[]
  /** 0-based index of the cover among `images`. */
  readonly coverIndex: number
  /** AI-generated content: TikTok labels it. */
  readonly isAigc: boolean
}

/** Photos, which TikTok fetches itself: posted directly, or delivered as a draft that the creator finishes in the app. */
export type PhotoPost =
  | (Photos & {
      readonly mode: 'DIRECT_POST'
      readonly privacyLevel: PrivacyLevel
      readonly disableComment: boolean
      readonly autoAddMusic: boolean
      readonly brandContent: boolean
      readonly brandOrganic: boolean
    })
  | (Photos & { readonly mode: 'MEDIA_UPLOAD' })

const success = envelope(z.object({ publish_id: z.string().min(1) }))

/**
 * TikTok: `POST /v2/post/publish/content/init/`. TikTok starts to fetch at once and nothing is uploaded, so an `unknown`
 * may become a post without any further call. Keep the images reachable until the post has ended.
 */
export async function initPhotoPost(
  api: Upstream,
  accessToken: Secret,
  photos: PhotoPost,
  signal?: AbortSignal,
): Promise<Answer<{ readonly publishId: string }>> {
  const request = {
    media_type: 'PHOTO',
    post_mode: photos.mode,
    // Sent only when true: TikTok's older documents have no such field for photos.
    ...(photos.isAigc && { is_aigc: true }),
    post_info: {
      title: photos.title,
      description: photos.description,
      ...(photos.mode === 'DIRECT_POST' && {
        privacy_level: photos.privacyLevel,
        disable_comment: photos.disableComment,
        auto_add_music: photos.autoAddMusic,
        brand_content_toggle: photos.brandContent,
        brand_organic_toggle: photos.brandOrganic,
      }),
    },
    source_info: {
      source: 'PULL_FROM_URL',
      photo_images: photos.images,
      photo_cover_index: photos.coverIndex,
    },
  }
  const answer = classify(
    await postJson(api, '/v2/post/publish/content/init/', accessToken, request, signal),
    success,
    { idPattern: publishIdPattern },
  )
  return answer.kind === 'ok' ? { kind: 'ok', publishId: answer.body.data.publish_id } : answer
}
