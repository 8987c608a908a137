import type { TikTokClient } from '../../providers/tiktok/client.ts'
import type { CallFailure } from '../../providers/tiktok/http/answer.ts'
import type { Secret } from '../../secret.ts'
import type { Db } from '../../store/database.ts'
import { isPostKnown } from '../../store/job/job-list.ts'

/** TikTok's clock and ours may differ by this much. */
const clockToleranceMs = 5 * 60_000
/** TikTok's list keeps this many characters of a caption. */
const listedTitleLength = 150

export type PostSearch =
  | { readonly kind: 'found'; readonly postId: string }
  /** No match, several matches, or no permission to read the list: a guess would be worse. */
  | { readonly kind: 'notFound' }
  /** The list could not be read; the search may be repeated. */
  | { readonly kind: 'failed'; readonly answer: CallFailure }

/**
 * Searches the creator's newest public posts for the one with the same caption that was published after the upload and
 * belongs to no other job.
 */
export async function findPublicPost(
  { db, tiktok }: { readonly db: Db; readonly tiktok: TikTokClient },
  token: Secret,
  wanted: {
    readonly organizationId: string
    readonly accountId: string
    readonly caption: string
    readonly sentAt: number
  },
  signal: AbortSignal,
): Promise<PostSearch> {
  const caption = wanted.caption.slice(0, listedTitleLength).trim()
  if (caption === '') return { kind: 'notFound' }
  const answer = await tiktok.listVideos(token, { maxCount: 20 }, signal)
  if (answer.kind === 'refused' || answer.kind === 'unauthorized') return { kind: 'notFound' }
  if (answer.kind !== 'ok') return { kind: 'failed', answer }
  const matches = answer.videos.filter(
    (video) =>
      video.createdAt >= wanted.sentAt - clockToleranceMs &&
      [video.title, video.description].some((text) => text?.slice(0, listedTitleLength).trim() === caption),
  )
  const [match, ...others] = matches
  if (!match || others.length > 0) return { kind: 'notFound' }
  const belongsToAnotherJob = await isPostKnown(db, wanted.organizationId, match.id)
  return belongsToAnotherJob ? { kind: 'notFound' } : { kind: 'found', postId: match.id }
}
