import { z } from 'zod'

/** A creator's public video in the Display API. Fields that TikTok omits are undefined. */
export interface Video {
  /** Keeps all of its digits. */
  readonly id: string
  /** Epoch milliseconds; TikTok sends seconds. */
  readonly createdAt: number
  /** The URL expires after six hours. */
  readonly coverImageUrl: string | undefined
  readonly shareUrl: string | undefined
  readonly embedLink: string | undefined
  /** At most the first 150 characters of the caption, which may have 2,200. */
  readonly title: string | undefined
  /** Limited like the title. */
  readonly description: string | undefined
  readonly durationSeconds: number | undefined
  readonly width: number | undefined
  readonly height: number | undefined
  readonly viewCount: number | undefined
  readonly likeCount: number | undefined
  readonly commentCount: number | undefined
  readonly shareCount: number | undefined
}

/** How many videos one call lists or finds at most. */
export const maxVideos = 20

const text = z.string().optional().catch(undefined)
const count = z.number().optional().catch(undefined)

// The embed HTML is not requested: it is foreign markup.
const fields = {
  // Documented as text. The JSON reader keeps all digits of a bare number, as text.
  id: z.union([z.string().min(1), z.number()]).transform(String),
  create_time: z.number(),
  cover_image_url: text,
  share_url: text,
  embed_link: text,
  title: text,
  video_description: text,
  duration: count,
  width: count,
  height: count,
  view_count: count,
  like_count: count,
  comment_count: count,
  share_count: count,
}

/** The query of both calls. Source: Display API, video object. */
export const videoFieldsQuery = new URLSearchParams({ fields: Object.keys(fields).join(',') }).toString()

/** Parses TikTok's video object. */
export const videoSchema = z.object(fields).transform(
  (video): Video => ({
    id: video.id,
    createdAt: video.create_time * 1000,
    coverImageUrl: video.cover_image_url,
    shareUrl: video.share_url,
    embedLink: video.embed_link,
    title: video.title,
    description: video.video_description,
    durationSeconds: video.duration,
    width: video.width,
    height: video.height,
    viewCount: video.view_count,
    likeCount: video.like_count,
    commentCount: video.comment_count,
    shareCount: video.share_count,
  }),
)
