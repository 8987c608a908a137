import type { Account, Publish } from './record.ts'
import type { World } from './world.ts'

const dayMs = 86_400_000

/** The code of the first rule that keeps this creator from posting now, if one does. */
export function postingStop({ book, knobs, now }: World, account: Account): string | undefined {
  if (account.banned) return 'spam_risk_user_banned_from_posting'

  const { activeCreatorCap, dailyPostCap } = knobs()
  const since = now() - dayMs
  const recent = book.all('publish').filter((publish: Publish) => publish.createdAt > since)
  const posts = recent.toArray()
  const creators = new Set(posts.map((post) => post.openId)).add(account.openId)
  if (activeCreatorCap !== null && creators.size > activeCreatorCap) return 'reached_active_user_cap'

  const own = posts.filter((post) => post.openId === account.openId).length
  return dailyPostCap !== null && own >= dailyPostCap ? 'spam_risk_too_many_posts' : undefined
}
