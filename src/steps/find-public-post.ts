import type { Secret } from '../secret.ts'
import { isPostKnown } from '../store/job-view-store.ts'
import { clientFor } from './client-for.ts'
import type { StepDeps } from './deps.ts'

/** TikTok's clock and ours may differ by a little. */
const clockMs = 5 * 60_000
/** What TikTok keeps of a caption in its list. */
const titleLength = 150

/**
 * Looks for a post among the creator's newest public ones: the same caption, not older than the sending, and no other
 * job's. Null if there is none, more than one, or the list cannot be read: a guess would be worse.
 */
export async function findPublicPost(
  deps: StepDeps,
  token: Secret,
  wanted: {
    readonly organizationId: string
    readonly accountId: string
    readonly caption: string
    readonly sentAt: number
  },
  signal: AbortSignal,
): Promise<string | null> {
  const caption = wanted.caption.slice(0, titleLength).trim()
  if (caption === '') return null
  const answer = await clientFor(deps, wanted).listVideos(token, { maxCount: 20 }, signal)
  if (answer.kind !== 'ok') return null
  const alike = answer.videos.filter(
    (video) =>
      video.createdAt >= wanted.sentAt - clockMs &&
      [video.title, video.description].some((text) => text?.slice(0, titleLength).trim() === caption),
  )
  const [only, ...others] = alike
  if (!only || others.length > 0) return null
  return (await isPostKnown(deps.db, wanted.organizationId, only.id)) ? null : only.id
}
