import { count } from '../counters.ts'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { Delivery } from '../record.ts'
import { type Attempt, sendWebhook, signWebhook } from './send.ts'

const mostAtOnce = 8
const longestWaitMs = 60_000

export interface Courier {
  /** Writes a delivery down, and carries it if it is to be carried. */
  take(delivery: Delivery): void
  /** Whether a delivery of this subject is waiting to be overtaken. */
  holdsBack(subject: string): boolean
  /** Begins the attempts that are due at a time. */
  dispatch(until: number): void
  flush(): Promise<void>
  stop(): Promise<void>
}

/** Carries deliveries to the app: in order by subject, several subjects at once, again and again until accepted. */
export function createCourier(dependencies: SimulatorDependencies): Courier {
  const { app, recordStore, faults, settings, now } = dependencies
  const waiting = new Map<string, Delivery>()
  const underWay = new Map<string, Promise<void>>()
  const aborter = new AbortController()

  const save = (delivery: Delivery) => {
    recordStore.put('delivery', delivery.id, delivery)
    if (delivery.state === 'waiting') waiting.set(delivery.id, delivery)
    else waiting.delete(delivery.id)
  }
  const heldOf = (subject: string) =>
    [...waiting.values()].filter((one) => one.subject === subject && one.heldUntil !== undefined)

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
    save(answered.answer === '200' ? accepted(answered) : failed(answered))
  }
  const accepted = (delivery: Delivery): Delivery => {
    count(dependencies, 'webhooksAccepted')
    for (const { heldUntil, ...held } of heldOf(delivery.subject)) save(held)
    const acceptances = delivery.acceptances - 1
    const { heldUntil, ...free } = delivery
    return { ...free, acceptances, state: acceptances > 0 ? 'waiting' : 'accepted' }
  }
  const failed = (delivery: Delivery): Delivery => {
    const { webhookRetryMs, webhookRetryForSeconds } = settings()
    if (now() > delivery.createdAt + webhookRetryForSeconds * 1000) {
      count(dependencies, 'webhooksAbandoned')
      return { ...delivery, state: 'abandoned' }
    }
    const backOffMs = Math.min(longestWaitMs, webhookRetryMs * 2 ** (delivery.attempts - 1))
    return { ...delivery, dueAt: now() + backOffMs }
  }
  const dispatch = (until: number) => {
    const url = app().webhookUrl
    if (url === null || settings().webhooks === 'off') return
    for (const delivery of waiting.values()) {
      if (underWay.size >= mostAtOnce) return
      const { subject, dueAt, heldUntil = dueAt } = delivery
      if (underWay.has(subject) || Math.max(dueAt, heldUntil) > until) continue
      underWay.set(
        subject,
        attempt(delivery, url).finally(() => underWay.delete(subject)),
      )
    }
  }

  for (const delivery of recordStore.all('delivery')) {
    if (delivery.state === 'waiting') waiting.set(delivery.id, delivery)
  }
  return {
    take: save,
    holdsBack: (subject) => heldOf(subject).length > 0,
    dispatch,
    async flush() {
      const until = now()
      for (;;) {
        dispatch(until)
        if (underWay.size === 0) return
        await Promise.race(underWay.values())
      }
    },
    async stop() {
      aborter.abort()
      await Promise.allSettled(underWay.values())
    },
  }
}

function answerOf(attempt: Attempt): string {
  return attempt.kind === 'answered' ? String(attempt.status) : attempt.why
}

/**
 * By the clock of the machine and not by ours, which may have been put forward: the app judges a signature's age by its
 * own. Whether the real TikTok signs a retry anew is not known; the setting has both.
 */
function signingTime({ settings }: SimulatorDependencies, { signedAt }: Delivery): number {
  const { webhookFreshSignature, webhookClockSkewSeconds } = settings()
  if (signedAt !== undefined && !webhookFreshSignature) return signedAt
  return Math.floor(Date.now() / 1000) + webhookClockSkewSeconds
}
