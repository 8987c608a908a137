import type { PostWebhookEvent } from '../../../machines/job/events.ts'
import type { Failure } from '../../../machines/rules/failure.ts'
import { findAccountsOfCreator, listComingSlots } from '../../store/account/accounts.ts'
import { forgetTokens } from '../../store/account/tokens.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockJobs } from '../../store/job/jobs.ts'
import { findJobOfPost, isOvertaken, lockDelivery, settleDelivery } from '../../store/webhook/deliveries.ts'
import { countUnrecognised } from '../../store/webhook/unrecognised-codes.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendAccountEvent, sendJobEvent } from '../send-event.ts'

/** What TikTok told, as it concerns us. */
export type WebhookEvent =
  | {
      readonly kind: 'post'
      readonly publishId: string
      readonly openId: string
      readonly event: PostWebhookEvent
      /** A word of TikTok's that the table of verdicts does not know. */
      readonly unrecognised?: { readonly source: string; readonly code: string }
    }
  | {
      readonly kind: 'authorizationRemoved'
      readonly openId: string
      readonly createdAt: number
      readonly failure: Failure
    }

export interface HandleWebhookResult {
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
export async function handleWebhook(tx: Tx, deps: CommandDeps, key: string): Promise<HandleWebhookResult> {
  const news = (await lockDelivery(tx, key)) as WebhookEvent | null // As `keepNews` wrote it.
  if (!news) return { outcome: 'taken before', organizations: [], moved: [] }
  const taken = await (news.kind === 'post' ? tellJob(tx, deps, news) : tellAccounts(tx, deps, news))
  await settleDelivery(tx, key, taken.outcome)
  return taken
}

async function tellJob(
  tx: Tx,
  deps: CommandDeps,
  { publishId, openId, event, unrecognised }: Extract<WebhookEvent, { kind: 'post' }>,
): Promise<HandleWebhookResult> {
  const job = await findJobOfPost(tx, publishId)
  if (job?.openId !== openId) return { outcome: 'unknownPost', organizations: [], moved: [] }
  const { jobId, organizationId } = job
  if (unrecognised) await countUnrecognised(tx, organizationId, unrecognised)
  if ('postId' in event && (await isOvertaken(tx, publishId, visibilityNews, event)))
    return { outcome: 'noChange', organizations: [], moved: [] }
  const moved = await sendJobEvent(tx, deps, { organizationId, jobId, event })
  return moved.kind === 'moved'
    ? { outcome: 'moved', organizations: [organizationId], moved: [jobId] }
    : { outcome: 'noChange', organizations: [], moved: [] }
}

async function tellAccounts(
  tx: Tx,
  deps: CommandDeps,
  { openId, createdAt, failure }: Extract<WebhookEvent, { kind: 'authorizationRemoved' }>,
): Promise<HandleWebhookResult> {
  const accounts = await findAccountsOfCreator(tx, openId)
  await lockJobs(
    tx,
    accounts.map(({ accountId }) => accountId),
  )
  const organizations: string[] = []
  const movedAccounts: string[] = []
  for (const { accountId, organizationId } of accounts) {
    const event = { type: 'authorizationRemoved', createdAt, failure } as const
    const moved = await sendAccountEvent(tx, deps, { organizationId, accountId, event })
    if (moved.kind !== 'moved') continue
    await forgetTokens(tx, accountId)
    const slots = await listComingSlots(tx, organizationId, accountId, mostNamed)
    await appendEvent(tx, {
      organizationId,
      type: 'account.slotsEndangered',
      accountId,
      payload: { code: failure.code, slotIds: slots.map(({ slotId }) => slotId) },
    })
    organizations.push(organizationId)
    movedAccounts.push(accountId)
  }
  if (movedAccounts.length > 0) return { outcome: 'moved', organizations, moved: movedAccounts }
  return { outcome: accounts.length > 0 ? 'noChange' : 'unknownCreator', organizations, moved: [] }
}
