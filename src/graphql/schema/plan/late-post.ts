import { maxLatenessMs } from '../../../../machines/rules/lateness.ts'
import { spanOf } from '../../../rate-limit/sliding-window.ts'
import { readDatabaseTime } from '../../../store/database.ts'
import { listPosts } from '../../../store/plan/planned-posts.ts'
import { findPlans } from '../../../store/plan/plans.ts'
import { readRateLimitSettings } from '../../../store/rate-limit/settings.ts'
import { forecastLatePosts, type LatePost as LatePostRecord } from '../../../tiktok-policy/post-forecast.ts'
import { learnedForMs, postWindow } from '../../../tiktok-policy/rate-limits.ts'
import type { Context } from '../../server/context.ts'
import { builder } from '../builder.ts'
import { Slot } from '../ref.ts'

export const LatePost = builder.objectRef<LatePostRecord>('LatePost').implement({
  description: "A slot that the account's daily cap of posts will delay.",
  authScopes: { read: true },
  fields: (t) => ({
    slot: t.field({
      type: Slot,
      nullable: true,
      description: 'The slot; null if it was removed meanwhile.',
      resolve: ({ slotId }, _args, { load }) => load.slot.load(slotId),
    }),
    earliestPublishAt: t.expose('capacityAt', {
      type: 'DateTime',
      description: 'When the cap permits the post, if all earlier posts are published as early as possible.',
    }),
    isTooLate: t.exposeBoolean('isTooLate', {
      description:
        "Whether that is more than an hour after the slot's time. The post is then not published automatically: a person must decide.",
    }),
  }),
})

/** The slots of a plan that will find the cap full, by all that is planned for its account as things stand. */
export async function latePostsOf({ read, viewer }: Context, planId: string): Promise<LatePostRecord[]> {
  const { organizationId } = viewer
  return await read(async (tx) => {
    const [plan] = await findPlans(tx, organizationId, [planId])
    if (!plan) return []
    const { accountId } = plan
    const now = await readDatabaseTime(tx)
    const settings = await readRateLimitSettings(tx, organizationId, new Date(now - learnedForMs))
    const window = postWindow(settings, accountId)
    const posts = await listPosts(
      tx,
      { organizationId, accountId },
      { sentSince: new Date(now - spanOf(window)), dueSince: new Date(now - maxLatenessMs) },
    )
    return forecastLatePosts(posts, { window, now, maxLatenessMs }).filter((post) => post.planId === planId)
  })
}
