import type { TikTokClient } from '../../providers/tiktok/client.ts'
import type { CallFailure } from '../../providers/tiktok/http/answer.ts'
import type { Secret } from '../../secret.ts'
import type { Db } from '../../store/database.ts'
import { isPostKnown } from '../../store/job/job-list.ts'

/** TikTok's clock and ours may differ by a little. */
const clockMs = 5 * 60_000
/** What TikTok keeps of a caption in its list. */
const titleLength = 150

export type Search =
  | { readonly kind: 'found'; readonly postId: string }
  /** Not there, more than one, or the account has not granted its list: a guess would be worse. */
  | { readonly kind: 'none' }
  /** Nobody has looked: it may be looked for again. */
  | { readonly kind: 'unread'; readonly answer: CallFailure }

/**
 * Looks for a post among the creator's newest public ones: the same caption, not older than the sending, and no other
 * job's.
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
): Promise<Search> {
  const caption = wanted.caption.slice(0, titleLength).trim()
  if (caption === '') return { kind: 'none' }
  const answer = await tiktok.listVideos(token, { maxCount: 20 }, signal)
  if (answer.kind === 'refused' || answer.kind === 'unauthorized') return { kind: 'none' }
  if (answer.kind !== 'ok') return { kind: 'unread', answer }
  const alike = answer.videos.filter(
    (video) =>
      video.createdAt >= wanted.sentAt - clockMs &&
      [video.title, video.description].some((text) => text?.slice(0, titleLength).trim() === caption),
  )
  const [only, ...others] = alike
  if (!only || others.length > 0) return { kind: 'none' }
  const isAnothers = await isPostKnown(db, wanted.organizationId, only.id)
  return isAnothers ? { kind: 'none' } : { kind: 'found', postId: only.id }
}
