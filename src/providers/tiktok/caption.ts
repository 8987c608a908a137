/**
 * The longest caption of a video. TikTok counts "UTF-16 runes"; read as code units that is JavaScript's own `length`, and
 * the stricter reading. Source: Content Posting API, direct post, `post_info.title`.
 */
export const captionLimit = 2200

export function captionFits(caption: string): boolean {
  return caption.length <= captionLimit
}
