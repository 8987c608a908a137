import { randomUUID } from 'node:crypto'
import { count } from '../counters.ts'
import type { SimulatorDependencies } from '../dependencies.ts'
import { createSeededRandom } from '../random.ts'
import type { Delivery, Publish } from '../record.ts'
import { type Event, eventsOf, webhookBody } from './event.ts'
import { createCourier } from './sender.ts'

/** How often to look what has become due; nobody notices less, and it costs nothing while nothing is. */
const tickMs = 50
/** How long a delivery waits for a later one to overtake it. */
const holdMs = 5_000

export interface Outbox {
  /** Notes what there is to tell of a post, now or once its time comes. Call it whenever a post has changed. */
  watch(publish: Publish): void
  /** Tells something that is not about a post. */
  announce(event: Omit<Event, 'id' | 'at'>): void
  /** Tells what is due now; resolves when every attempt has had its end. */
  flush(): Promise<void>
  /** What was not accepted until then is told after the next start. */
  stop(): Promise<void>
}

/**
 * Tells the app what happens, at least once: an event is written down before it is sent, and sent until it is accepted.
 *
 * What follows from the clock alone (processing ends, moderation ends) is noticed by looking at the posts that have
 * something ahead of them every so often; the timer keeps no process alive.
 */
export function createOutbox(dependencies: SimulatorDependencies): Outbox {
  const { app, recordStore, settings, now } = dependencies
  const courier = createCourier(dependencies)
  /** By post: when the next thing happens that is yet to be told. */
  const ahead = new Map<string, number>()
  let dice = { seed: Number.NaN, next: () => 1 }

  const untold = (publish: Publish) =>
    eventsOf(publish, settings().idsAsNumbers).filter(({ id }) => !recordStore.get('delivery', id))
  const watch = (publish: Publish) => {
    const [next] = untold(publish)
    if (next) ahead.set(publish.publishId, next.at)
    else ahead.delete(publish.publishId)
  }

  const write = (event: Event) => {
    const { id, subject, openId } = event
    const { webhooks, webhookSeed, webhookDelayMs, ...odds } = settings()
    const known = { id, subject, openId, event: event.event, createdAt: now(), attempts: 0 }
    if (webhooks === 'off' || app().webhookUrl === null) {
      recordStore.put('delivery', id, {
        ...known,
        body: '',
        dueAt: now(),
        acceptances: 0,
        state: 'suppressed',
      })
      return
    }
    if (dice.seed !== webhookSeed) dice = { seed: webhookSeed, next: createSeededRandom(webhookSeed) }
    // Thrown for every event, so that turning one setting does not move the others' luck.
    const [isLost, isDoubled, isHeld] = [
      dice.next() < odds.loseWebhooks,
      dice.next() < odds.duplicateWebhooks,
      dice.next() < odds.reorderWebhooks,
    ]
    if (isLost) count(dependencies, 'webhooksLost')
    const delivery: Delivery = {
      ...known,
      body: webhookBody(app().clientKey, event),
      dueAt: now() + webhookDelayMs,
      state: isLost ? 'lost' : 'waiting',
      acceptances: isDoubled ? 2 : 1,
      // One at a time, so that a pair is swapped instead of all being late.
      ...(isHeld && !courier.holdsBack(subject) && { heldUntil: now() + webhookDelayMs + holdMs }),
    }
    courier.take(delivery)
  }
  const notice = () => {
    for (const [publishId, at] of ahead) {
      if (at > now()) continue
      const publish = recordStore.get('publish', publishId)
      if (!publish) continue
      for (const event of untold(publish)) if (event.at <= now()) write(event)
      watch(publish)
    }
  }

  for (const publish of recordStore.all('publish')) watch(publish)
  const timer = setInterval(() => {
    notice()
    courier.dispatch(now())
  }, tickMs)
  timer.unref()

  return {
    watch,
    announce(event) {
      write({ ...event, id: `${event.subject} ${randomUUID()}`, at: now() })
    },
    async flush() {
      notice()
      await courier.flush()
    },
    async stop() {
      clearInterval(timer)
      await courier.stop()
    },
  }
}
