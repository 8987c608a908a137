import type { Queue } from 'pg-boss'

/** The queues, by what they carry. Payloads are ids, never content. */
export const queues = {
  /** Wakes a job: `{ jobId }`, in the group of its organization. */
  wake: 'job-wake',
  /** The wake-ups that nobody got through with. */
  deadWake: 'job-wake-dead',
  /** A look for slots that fall due: hourly of all organizations, `{}`, or of one, `{ organizationId }`. */
  scan: 'scan',
  /** What TikTok told by webhook, to be taken in: `{ key }` of the delivery. */
  webhook: 'webhook',
  /** The deliveries that could not be taken in. */
  deadWebhook: 'webhook-dead',
} as const

/** How often the queue tries what a worker did not get through with, and how long it waits in between. */
export type RetryPolicy = Required<
  Pick<Queue, 'retryLimit' | 'retryDelay' | 'retryBackoff' | 'retryDelayMax'>
>

/**
 * 35 tries: the first seven within a minute and a half, then one a minute, about half an hour in all. Only infrastructure
 * spends them; business retries are the machines'. A killed worker spends one, and so does a crash of the database under a
 * worker; a database that is down spends none, for nobody can ask it for work, and neither does a deployment, for what is
 * drained is queued anew. So what runs out of them is broken and stays so: then a person hears of it the same half hour.
 */
export const defaultRetryPolicy: RetryPolicy = {
  retryLimit: 34,
  // From a second, doubling, jittered by pg-boss: whoever only lost a race is back at once.
  retryDelay: 1,
  retryBackoff: true,
  // As seldom as the machines' own retries at their slowest.
  retryDelayMax: 60,
}

/** Failing is noticed by a heartbeat that is missing for 10 s, the least that pg-boss takes; a lease ends before it. */
const heartbeatSeconds = 10
const hour = 3_600
const day = 24 * hour

type Setting = readonly [name: string, options: Omit<Queue, 'name' | 'policy' | 'partition'>]

/** The queues with their settings, each after the one that it gives its dead letters to. */
export function queueSettings(patience: RetryPolicy): readonly Setting[] {
  const kept = {
    // Its id keeps what was done from being queued again by a straggler. Not longer: supervision reads the whole table.
    deleteAfterSeconds: hour,
    // What nobody has begun by then is thrown away, counted from when it is due; far beyond any outage.
    retentionSeconds: 90 * day,
  }
  const lost = {
    ...patience,
    ...kept,
    // Marking a row takes milliseconds; a worker that died over it is not waited for longer than this.
    expireInSeconds: 60,
    // It is half an hour late already: polling finds it.
    notify: false,
    // They are taken as they come: so many together mean that something is broken for everybody, or nobody takes them.
    warningQueueSize: 100,
  }
  return [
    [queues.deadWake, lost],
    [queues.deadWebhook, lost],
    [
      queues.wake,
      {
        ...patience,
        ...kept,
        heartbeatSeconds,
        // One drive through all steps that follow at once; the longest is an upload on a slow line.
        expireInSeconds: 6 * hour,
        // Its consumer tells the machine, or at least the person, and the sweep leaves it alone from then on.
        deadLetter: queues.deadWake,
        // A started job does not wait for a tick.
        notify: true,
        // Every waiting job has a deferred wake-up here, so tens of thousands are no backlog.
        warningQueueSize: 100_000,
      },
    ],
    [
      queues.scan,
      {
        ...patience,
        ...kept,
        heartbeatSeconds,
        // Minutes for thousands of organizations; it ends before the next one is due.
        expireInSeconds: 600,
        // No dead letters: it is about nothing in particular, and the next hour's does all that this one has not.
        notify: true,
        // One an hour: they pile up only if nobody takes them.
        warningQueueSize: 24,
      },
    ],
    [
      queues.webhook,
      {
        ...patience,
        ...kept,
        heartbeatSeconds,
        // One transaction on one row.
        expireInSeconds: 60,
        // Its consumer marks the delivery, which is tried again every hour for three days.
        deadLetter: queues.deadWebhook,
        // TikTok's word is shown as it comes.
        notify: true,
        // TikTok repeats what it has not told for hours at once; more than that is a flood.
        warningQueueSize: 10_000,
      },
    ],
  ]
}
