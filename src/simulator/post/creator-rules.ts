import type { SimulatorContext } from '../context.ts'
import type { Account, Publish } from '../record.ts'
import { progressOf } from './progress.ts'

const dayMs = 86_400_000
/** Creators per 24 hours who may post with an unaudited app. Source: content sharing guidelines. */
const maxUnauditedCreators = 5

/** The error code of the first rule that forbids this creator a direct post now, if any. */
export function directPostViolation(context: SimulatorContext, account: Account): string | undefined {
  if (account.banned) return 'spam_risk_user_banned_from_posting'

  const { activeCreatorCap, audited, dailyPostCap } = context.settings()
  const recent = recentPublishes(context)
  const creators = new Set(recent.map(({ openId }) => openId)).add(account.openId)
  const cap = activeCreatorCap ?? (audited ? null : maxUnauditedCreators)
  if (cap !== null && creators.size > cap) return 'reached_active_user_cap'

  const own = recent.filter(({ openId, mode }) => openId === account.openId && mode !== 'draft')
  return dailyPostCap !== null && own.length >= dailyPostCap ? 'spam_risk_too_many_posts' : undefined
}

/** The error code of the first rule that forbids another draft in this creator's inbox, if any. */
export function draftViolation(context: SimulatorContext, account: Account): string | undefined {
  if (account.banned) return 'spam_risk_user_banned_from_posting'

  const { pendingCap } = context.settings()
  const pending = recentPublishes(context).filter(
    (publish) => publish.openId === account.openId && publish.mode === 'draft' && isPending(context, publish),
  )
  return pendingCap !== null && pending.length >= pendingCap ? 'spam_risk_too_many_pending_share' : undefined
}

/** The posts of the last 24 hours. */
function recentPublishes({ recordStore, now }: SimulatorContext): Publish[] {
  const since = now() - dayMs
  return recordStore
    .all('publish')
    .filter(({ createdAt }) => createdAt > since)
    .toArray()
}

function isPending({ now }: SimulatorContext, publish: Publish): boolean {
  const { status } = progressOf(publish, now())
  return status !== 'FAILED' && status !== 'PUBLISH_COMPLETE'
}
