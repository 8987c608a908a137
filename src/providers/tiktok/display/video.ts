import { z } from 'zod'

/** A public video of a creator, as the Display API shows it; undefined is what TikTok left out. */
export interface Video {
  /** With all of its digits. */
  readonly id: string
  /** Epoch milliseconds; TikTok says seconds. */
  readonly createdAt: number
  /** Lives six hours at TikTok. */
  readonly coverImageUrl: string | undefined
  readonly shareUrl: string | undefined
  readonly embedLink: string | undefined
  /** At most 150 characters, of a caption that may have 2200. */
  readonly title: string | undefined
  /** As the title. */
  readonly description: string | undefined
  readonly durationSeconds: number | undefined
  readonly width: number | undefined
  readonly height: number | undefined
  readonly viewCount: number | undefined
  readonly likeCount: number | undefined
  readonly commentCount: number | undefined
  readonly shareCount: number | undefined
}

/** The most videos that one call lists or finds. */
export const videoLimit = 20

const text = z.string().optional().catch(undefined)
const whole = z.number().optional().catch(undefined)

// The embed HTML is not asked for: it is somebody else's markup.
const fields = {
  // Documented as text; a bare number has been read with all of its digits, as text too.
  id: z.union([z.string().min(1), z.number()]).transform(String),
  create_time: z.number(),
  cover_image_url: text,
  share_url: text,
  embed_link: text,
  title: text,
  video_description: text,
  duration: whole,
  width: whole,
  height: whole,
  view_count: whole,
  like_count: whole,
  comment_count: whole,
  share_count: whole,
}

/** What both calls ask for, in their query. Source: Display API, video object. */
export const videoQuery = new URLSearchParams({ fields: Object.keys(fields).join(',') }).toString()

/** A video as TikTok tells it, read into ours. */
export const toldVideo = z.object(fields).transform(
  (told): Video => ({
    id: told.id,
    createdAt: told.create_time * 1000,
    coverImageUrl: told.cover_image_url,
    shareUrl: told.share_url,
    embedLink: told.embed_link,
    title: told.title,
    description: told.video_description,
    durationSeconds: told.duration,
    width: told.width,
    height: told.height,
    viewCount: told.view_count,
    likeCount: told.like_count,
    commentCount: told.comment_count,
    shareCount: told.share_count,
  }),
)
