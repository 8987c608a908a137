import { count } from '../counters.ts'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { Delivery } from '../record.ts'
import { type Attempt, sendWebhook, signWebhook } from './send.ts'

const maxConcurrent = 8
const maxBackoffMs = 60_000

export interface WebhookSender {
  /** Stores a delivery and sends it later if it is waiting. */
  enqueue(delivery: Delivery): void
  /** Whether a delivery of this subject waits to be overtaken. */
  isReordering(subject: string): boolean
  /** Starts the attempts that are due by then. */
  dispatch(until: number): void
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Sends deliveries until they are accepted: in order within a subject, several subjects at once. */
export function createWebhookSender(dependencies: SimulatorDependencies): WebhookSender {
  const { app, recordStore, faults, settings, now } = dependencies
  const waiting = new Map<string, Delivery>()
  const running = new Map<string, Promise<void>>()
  const aborter = new AbortController()

  const save = (delivery: Delivery) => {
    recordStore.put('delivery', delivery.id, delivery)
    if (delivery.state === 'waiting') waiting.set(delivery.id, delivery)
    else waiting.delete(delivery.id)
  }
  const reorderedOf = (subject: string) =>
    [...waiting.values()].filter((one) => one.subject === subject && one.reorderUntil !== undefined)

  const attempt = async (delivery: Delivery, url: string) => {
    const username = recordStore.get('account', delivery.openId)?.username
    const effect = faults.apply('webhook', username)
    if (effect) count(dependencies, 'faults')
    const signedAt = signingTime(dependencies, delivery)
    const signature = signWebhook(app().clientSecret, signedAt, delivery.body)
    const result = await sendWebhook({ url, body: delivery.body, signature }, effect, aborter.signal)
    if (aborter.signal.aborted) return

    count(dependencies, 'webhooksSent')
    if (delivery.answer !== undefined && delivery.answer !== '200') count(dependencies, 'webhooksRetried')
    const answered = { ...delivery, signedAt, attempts: delivery.attempts + 1, answer: answerOf(result) }
    save(answered.answer === '200' ? afterSuccess(answered) : afterFailure(answered))
  }
  const afterSuccess = (delivery: Delivery): Delivery => {
    count(dependencies, 'webhooksAccepted')
    for (const { reorderUntil, ...overtaken } of reorderedOf(delivery.subject)) save(overtaken)
    const remainingAcceptances = delivery.remainingAcceptances - 1
    const { reorderUntil, ...rest } = delivery
    return { ...rest, remainingAcceptances, state: remainingAcceptances > 0 ? 'waiting' : 'accepted' }
  }
  const afterFailure = (delivery: Delivery): Delivery => {
    const { webhookRetryMs, webhookRetryForSeconds } = settings()
    if (now() > delivery.createdAt + webhookRetryForSeconds * 1000) {
      count(dependencies, 'webhooksAbandoned')
      return { ...delivery, state: 'abandoned' }
    }
    const backOffMs = Math.min(maxBackoffMs, webhookRetryMs * 2 ** (delivery.attempts - 1))
    return { ...delivery, dueAt: now() + backOffMs }
  }
  const dispatch = (until: number) => {
    const url = app().webhookUrl
    if (url === null || settings().webhooks === 'off') return
    for (const delivery of waiting.values()) {
      if (running.size >= maxConcurrent) return
      const { subject, dueAt, reorderUntil = dueAt } = delivery
      if (running.has(subject) || Math.max(dueAt, reorderUntil) > until) continue
      running.set(
        subject,
        attempt(delivery, url).finally(() => running.delete(subject)),
      )
    }
  }

  for (const delivery of recordStore.all('delivery')) {
    if (delivery.state === 'waiting') waiting.set(delivery.id, delivery)
  }
  return {
    enqueue: save,
    isReordering: (subject) => reorderedOf(subject).length > 0,
    dispatch,
    async flush() {
      const until = now()
      for (;;) {
        dispatch(until)
        if (running.size === 0) return
        await Promise.race(running.values())
      }
    },
    async stop() {
      aborter.abort()
      await Promise.allSettled(running.values())
    },
  }
}

function answerOf(attempt: Attempt): string {
  return attempt.kind === 'answered' ? String(attempt.status) : attempt.reason
}

/**
 * The time to sign with: the machine's clock, by which the app judges a signature's age, and not the simulator's, which may
 * be advanced. Whether TikTok signs a retry anew is not known, so a setting decides.
 */
function signingTime({ settings }: SimulatorDependencies, { signedAt }: Delivery): number {
  const { webhookFreshSignature, webhookClockSkewSeconds } = settings()
  if (signedAt !== undefined && !webhookFreshSignature) return signedAt
  return Math.floor(Date.now() / 1000) + webhookClockSkewSeconds
}
