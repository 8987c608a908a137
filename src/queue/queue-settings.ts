import type { Queue, QueuePolicy } from 'pg-boss'

/** The queues. Payloads are ids, never content. */
export const queues = {
  /** Wakes a machine instance: `{ jobId }`, in the group of its organization. */
  wake: 'job-wake',
  /** The wake-ups whose attempts were exhausted. */
  deadWake: 'job-wake-dead',
  /** Looks hourly for organizations with due slots, `{}`, and queues a scan for each. */
  scan: 'scan',
  /** Scans one organization for due slots: `{ organizationId, reason }`. */
  organizationScan: 'scan-organization',
  /** Handles a webhook delivery of TikTok: `{ key }`. */
  webhook: 'webhook',
  /** The deliveries whose attempts were exhausted. */
  deadWebhook: 'webhook-dead',
} as const

/** How often the queue retries failed work, and how long it waits in between. */
export type RetryPolicy = Required<
  Pick<Queue, 'retryLimit' | 'retryDelay' | 'retryBackoff' | 'retryDelayMax'>
>

/**
 * 35 attempts: the first seven within a minute and a half, then one a minute, about half an hour in all. Only infrastructure failures use
 * them; business retries are the machines'. A killed worker uses one, and so does a crash of the database under a worker. A database
 * that is down uses none, because no work can be fetched, and neither does a deployment, because drained work is queued anew. Work that
 * exhausts its attempts therefore stays broken, and a person is notified within that half hour.
 */
export const defaultRetryPolicy: RetryPolicy = {
  retryLimit: 34,
  // Starts at one second and doubles, with pg-boss's jitter, so that a lost race is retried at once.
  retryDelay: 1,
  retryBackoff: true,
  // The interval of the machines' own slowest retries.
  retryDelayMax: 60,
}

/** A worker has failed after 10 s without a heartbeat, the minimum of pg-boss. A lease ends earlier. */
const heartbeatSeconds = 10
const hour = 3_600
const day = 24 * hour

type Setting = readonly [name: string, options: Omit<Queue, 'name' | 'policy' | 'partition'>]

/** Queues in which a key is queued at most once. A policy cannot be changed once the queue exists. */
export const queuePolicies: { readonly [name: string]: QueuePolicy } = { [queues.organizationScan]: 'short' }

/** The settings of the queues, each after the queue of its dead letters. */
export function queueSettings(retryPolicy: RetryPolicy): readonly Setting[] {
  const retention = {
    // A completed id prevents a straggler from queueing the same work again. Not kept longer: supervision reads the whole table.
    deleteAfterSeconds: hour,
    // Work that is not started within this time of its due time is deleted. Far longer than any outage.
    retentionSeconds: 90 * day,
  }
  const deadLetters = {
    ...retryPolicy,
    ...retention,
    // Marking a row takes milliseconds; this bounds the wait for a worker that died over it.
    expireInSeconds: 60,
    // A dead letter is half an hour late already: polling is enough.
    notify: false,
    // Dead letters are handled as they come: this many mean that something is broken for every organization, or that no worker runs.
    warningQueueSize: 100,
  }
  return [
    [queues.deadWake, deadLetters],
    [queues.deadWebhook, deadLetters],
    [
      queues.wake,
      {
        ...retryPolicy,
        ...retention,
        heartbeatSeconds,
        // One drive through consecutive steps; the longest is an upload over a slow connection.
        expireInSeconds: 6 * hour,
        // Its worker marks the instance, and the sweep then skips it.
        deadLetter: queues.deadWake,
        // pg-boss would notify inside of the transaction, where commits that notify wait for each other. `queueWakeUps` does it after.
        notify: false,
        // Every waiting instance has a deferred wake-up here, so tens of thousands are normal.
        warningQueueSize: 100_000,
      },
    ],
    [
      queues.scan,
      {
        ...retryPolicy,
        ...retention,
        heartbeatSeconds,
        // Looking for due slots takes milliseconds; the hourly maintenance after it may take minutes.
        expireInSeconds: 600,
        // Has no dead letters: the next hourly scan does everything that a failed one did not.
        notify: true,
        // One an hour: a backlog means that no worker runs.
        warningQueueSize: 24,
      },
    ],
    [
      queues.organizationScan,
      {
        ...retryPolicy,
        ...retention,
        heartbeatSeconds,
        // Seconds for ten thousand due slots; it ends before the next hour.
        expireInSeconds: 600,
        // Has no dead letters, for the same reason.
        notify: true,
        // Every organization may be due in the same hour.
        warningQueueSize: 100_000,
      },
    ],
    [
      queues.webhook,
      {
        ...retryPolicy,
        ...retention,
        heartbeatSeconds,
        // One transaction on one row.
        expireInSeconds: 60,
        // Its worker marks the delivery as failed; it is retried every hour for three days.
        deadLetter: queues.deadWebhook,
        // TikTok's events are shown as they arrive.
        notify: true,
        // TikTok sends hours of undelivered webhooks at once; more than this is a flood.
        warningQueueSize: 10_000,
      },
    ],
  ]
}
