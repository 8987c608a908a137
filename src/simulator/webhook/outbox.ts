import { randomUUID } from 'node:crypto'
import { count } from '../counters.ts'
import type { SimulatorDependencies } from '../dependencies.ts'
import { createSeededRandom } from '../random.ts'
import type { Delivery, Publish } from '../record.ts'
import { eventsOf, type WebhookEvent, webhookBody } from './event.ts'
import { createWebhookSender } from './sender.ts'

const pollMs = 50
/** How long a delivery waits for a later one of its subject to overtake it. */
const reorderMs = 5_000

export interface Outbox {
  /** Schedules the events of a post. Call it after every change of a post. */
  track(publish: Publish): void
  /** Enqueues an event that is not about a post. */
  enqueue(event: Omit<WebhookEvent, 'id' | 'at'>): void
  /** Sends the events that are due and resolves when every attempt has ended. */
  flush(): Promise<void>
  /** Stops sending. Events that were not accepted are sent after the next start. */
  stop(): Promise<void>
}

/**
 * Delivers webhooks at least once: an event is stored before it is sent, and sent until it is accepted.
 *
 * A timer polls the posts for events that follow from the clock alone, such as the end of moderation. It keeps no process
 * alive.
 */
export function createOutbox(dependencies: SimulatorDependencies): Outbox {
  const { app, recordStore, settings, now } = dependencies
  const sender = createWebhookSender(dependencies)
  /** Time of the next unsent event by post. */
  const nextEventAt = new Map<string, number>()
  let randomSource = { seed: Number.NaN, next: () => 1 }

  const unsentEvents = (publish: Publish) =>
    eventsOf(publish, settings().idsAsNumbers).filter(({ id }) => !recordStore.get('delivery', id))
  const track = (publish: Publish) => {
    const [next] = unsentEvents(publish)
    if (next) nextEventAt.set(publish.publishId, next.at)
    else nextEventAt.delete(publish.publishId)
  }

  const store = (event: WebhookEvent) => {
    const { id, subject, openId } = event
    const { webhooks, webhookSeed, webhookDelayMs, ...probabilities } = settings()
    const fields = { id, subject, openId, event: event.event, createdAt: now(), attempts: 0 }
    if (webhooks === 'off' || app().webhookUrl === null) {
      recordStore.put('delivery', id, {
        ...fields,
        body: '',
        dueAt: now(),
        remainingAcceptances: 0,
        state: 'suppressed',
      })
      return
    }
    if (randomSource.seed !== webhookSeed)
      randomSource = { seed: webhookSeed, next: createSeededRandom(webhookSeed) }
    // Drawn for every event, so that changing one setting does not change the results of the others.
    const [isLost, isDuplicated, isReordered] = [
      randomSource.next() < probabilities.loseWebhooks,
      randomSource.next() < probabilities.duplicateWebhooks,
      randomSource.next() < probabilities.reorderWebhooks,
    ]
    if (isLost) count(dependencies, 'webhooksLost')
    const delivery: Delivery = {
      ...fields,
      body: webhookBody(app().clientKey, event),
      dueAt: now() + webhookDelayMs,
      state: isLost ? 'lost' : 'waiting',
      remainingAcceptances: isDuplicated ? 2 : 1,
      // At most one per subject, so that two events are swapped instead of all being delayed.
      ...(isReordered &&
        !sender.isReordering(subject) && { reorderUntil: now() + webhookDelayMs + reorderMs }),
    }
    sender.enqueue(delivery)
  }
  const storeDueEvents = () => {
    for (const [publishId, at] of nextEventAt) {
      if (at > now()) continue
      const publish = recordStore.get('publish', publishId)
      if (!publish) continue
      for (const event of unsentEvents(publish)) if (event.at <= now()) store(event)
      track(publish)
    }
  }

  for (const publish of recordStore.all('publish')) track(publish)
  const timer = setInterval(() => {
    storeDueEvents()
    sender.dispatch(now())
  }, pollMs)
  timer.unref()

  return {
    track,
    enqueue(event) {
      store({ ...event, id: `${event.subject} ${randomUUID()}`, at: now() })
    },
    async flush() {
      storeDueEvents()
      await sender.flush()
    },
    async stop() {
      clearInterval(timer)
      await sender.stop()
    },
  }
}
