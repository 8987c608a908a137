import type { PostNews } from '../../../machines/job/events.ts'
import type { Failure } from '../../../machines/rules/failure.ts'
import { findAccountsOfCreator, listComingSlots } from '../../store/account/accounts.ts'
import { forgetTokens } from '../../store/account/tokens.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockJobs } from '../../store/job/jobs.ts'
import { findJobOfPost, isOvertaken, lockDelivery, settleDelivery } from '../../store/webhook/deliveries.ts'
import { countUnrecognised } from '../../store/webhook/unrecognised-codes.ts'
import type { CommandDeps } from '../deps.ts'
import { moveAccount } from '../move-account.ts'
import { moveJob } from '../move-job.ts'

/** What TikTok told, as it concerns us. */
export type News =
  | {
      readonly kind: 'post'
      readonly publishId: string
      readonly openId: string
      readonly event: PostNews
      /** A word of TikTok's that the table of verdicts does not know. */
      readonly unrecognised?: { readonly source: string; readonly code: string }
    }
  | {
      readonly kind: 'authorizationRemoved'
      readonly openId: string
      readonly createdAt: number
      readonly failure: Failure
    }

export interface NewsTaken {
  /** What it did, for people who look it up. */
  readonly outcome: 'moved' | 'noChange' | 'unknownPost' | 'unknownCreator' | 'taken before'
  readonly organizations: readonly string[]
  readonly moved: readonly string[]
}

/** How many of the slots that an account cannot serve any more are named in its event. */
const mostNamed = 100

/** What says who can see a post: only the latest of it counts. */
const visibilityNews: readonly string[] = ['postShown', 'postHidden']

/**
 * Takes a webhook delivery in, once: the machine that it concerns gets its event, in the same transaction that marks the
 * delivery as taken. News that change nothing, because polling was faster or something newer is known, are marked as such.
 */
export async function takeNews(tx: Tx, deps: CommandDeps, key: string): Promise<NewsTaken> {
  const news = (await lockDelivery(tx, key)) as News | null // As `keepNews` wrote it.
  if (!news) return { outcome: 'taken before', organizations: [], moved: [] }
  const taken = await (news.kind === 'post' ? tellJob(tx, deps, news) : tellAccounts(tx, deps, news))
  await settleDelivery(tx, key, taken.outcome)
  return taken
}

async function tellJob(
  tx: Tx,
  deps: CommandDeps,
  { publishId, openId, event, unrecognised }: Extract<News, { kind: 'post' }>,
): Promise<NewsTaken> {
  const job = await findJobOfPost(tx, publishId)
  if (job?.openId !== openId) return { outcome: 'unknownPost', organizations: [], moved: [] }
  const { jobId, organizationId } = job
  if (unrecognised) await countUnrecognised(tx, organizationId, unrecognised)
  if ('postId' in event && (await isOvertaken(tx, publishId, visibilityNews, event)))
    return { outcome: 'noChange', organizations: [], moved: [] }
  const moved = await moveJob(tx, deps, { organizationId, jobId, event })
  return moved.kind === 'moved'
    ? { outcome: 'moved', organizations: [organizationId], moved: [jobId] }
    : { outcome: 'noChange', organizations: [], moved: [] }
}

async function tellAccounts(
  tx: Tx,
  deps: CommandDeps,
  { openId, createdAt, failure }: Extract<News, { kind: 'authorizationRemoved' }>,
): Promise<NewsTaken> {
  const accounts = await findAccountsOfCreator(tx, openId)
  await lockJobs(
    tx,
    accounts.map(({ accountId }) => accountId),
  )
  const organizations: string[] = []
  const movedAccounts: string[] = []
  for (const { accountId, organizationId } of accounts) {
    const event = { type: 'authorizationRemoved', createdAt, failure } as const
    const moved = await moveAccount(tx, deps, { organizationId, accountId, event })
    if (moved.kind !== 'moved') continue
    await forgetTokens(tx, accountId)
    const slots = await listComingSlots(tx, organizationId, accountId, mostNamed)
    await appendEvent(tx, {
      organizationId,
      type: 'account.slotsAtRisk',
      accountId,
      payload: { code: failure.code, slotIds: slots.map(({ slotId }) => slotId) },
    })
    organizations.push(organizationId)
    movedAccounts.push(accountId)
  }
  if (movedAccounts.length > 0) return { outcome: 'moved', organizations, moved: movedAccounts }
  return { outcome: accounts.length > 0 ? 'noChange' : 'unknownCreator', organizations, moved: [] }
}
