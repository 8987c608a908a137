import type { PostWebhookEvent } from '../../../machines/job/events.ts'
import type { Failure } from '../../../machines/rules/failure.ts'
import { findAccountsOfCreator, listUpcomingSlots } from '../../store/account/accounts.ts'
import { deleteTokens } from '../../store/account/tokens.ts'
import type { Tx } from '../../store/database.ts'
import { appendEvent } from '../../store/event/append.ts'
import { lockInstances } from '../../store/job/jobs.ts'
import { findJobOfPost, isSuperseded, lockDelivery, markHandled } from '../../store/webhook/deliveries.ts'
import { countUnrecognised } from '../../store/webhook/unrecognised-codes.ts'
import type { CommandDeps } from '../command-deps.ts'
import { sendAccountEvent, sendJobEvent } from '../send-event.ts'

/** What a webhook delivery tells about a post or an account. */
export type WebhookEvent =
  | {
      readonly kind: 'post'
      readonly publishId: string
      readonly openId: string
      readonly event: PostWebhookEvent
      /** A code that the verdict tables do not contain. */
      readonly unrecognised?: { readonly source: string; readonly code: string }
    }
  | {
      readonly kind: 'authorizationRemoved'
      readonly openId: string
      readonly createdAt: number
      readonly failure: Failure
    }

export interface HandleWebhookResult {
  /** What the delivery changed. Stored with it, for people who look it up. */
  readonly outcome: 'applied' | 'noChange' | 'unknownPost' | 'unknownCreator' | 'alreadyHandled'
}

/** How many of the slots that an account can no longer serve its event names. */
const maxNamedSlots = 100

/** Events about who can see a post. Of these only the latest counts. */
const visibilityEvents: readonly string[] = ['postShown', 'postHidden']

/**
 * Handles a stored webhook delivery once: sends the machine that it concerns its event, in the transaction that marks the
 * delivery as handled. The outcome of a delivery that polling or a newer delivery has overtaken is `noChange`.
 */
export async function handleWebhook(tx: Tx, deps: CommandDeps, key: string): Promise<HandleWebhookResult> {
  const event = (await lockDelivery(tx, key)) as WebhookEvent | null // Written by `storeWebhook`.
  if (!event) return { outcome: 'alreadyHandled' }
  const outcome = await (event.kind === 'post'
    ? applyToJob(tx, deps, event)
    : applyToAccounts(tx, deps, event))
  await markHandled(tx, key, outcome)
  return { outcome }
}

type Outcome = HandleWebhookResult['outcome']

async function applyToJob(
  tx: Tx,
  deps: CommandDeps,
  { publishId, openId, event, unrecognised }: Extract<WebhookEvent, { kind: 'post' }>,
): Promise<Outcome> {
  const job = await findJobOfPost(tx, publishId)
  if (job?.openId !== openId) return 'unknownPost'
  const { jobId, organizationId } = job
  if (unrecognised) await countUnrecognised(tx, organizationId, unrecognised)
  if ('postId' in event && (await isSuperseded(tx, publishId, visibilityEvents, event))) return 'noChange'
  const { kind } = await sendJobEvent(tx, deps, { organizationId, jobId, event })
  return kind === 'moved' ? 'applied' : 'noChange'
}

async function applyToAccounts(
  tx: Tx,
  deps: CommandDeps,
  { openId, createdAt, failure }: Extract<WebhookEvent, { kind: 'authorizationRemoved' }>,
): Promise<Outcome> {
  const accounts = await findAccountsOfCreator(tx, openId)
  if (accounts.length === 0) return 'unknownCreator'
  await lockInstances(
    tx,
    accounts.map(({ accountId }) => accountId),
  )
  let outcome: Outcome = 'noChange'
  for (const { accountId, organizationId } of accounts) {
    const event = { type: 'authorizationRemoved', createdAt, failure } as const
    const { kind } = await sendAccountEvent(tx, deps, { organizationId, accountId, event })
    if (kind !== 'moved') continue
    outcome = 'applied'
    await deleteTokens(tx, accountId)
    const slots = await listUpcomingSlots(tx, organizationId, accountId, maxNamedSlots)
    await appendEvent(tx, {
      organizationId,
      type: 'account.slotsEndangered',
      accountId,
      payload: { code: failure.code, slotIds: slots.map(({ slotId }) => slotId) },
    })
  }
  return outcome
}
