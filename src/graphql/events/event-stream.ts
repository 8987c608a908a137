import { type Db, inOrganization } from '../../store/database.ts'
import { listenForChanges } from '../../store/event/notify.ts'
import { type EventFilter, type EventRecord, findPlanOfSlot, readEvents } from '../../store/event/read.ts'
import { type KeyWatch, keyRevokedError, type WatchedKey } from '../server/key-watch.ts'
import { eventPageSize, OrganizationFeed } from './organization-feed.ts'

/** Streams the events of organizations: replays earlier events from the table, then delivers new ones live. */
export interface EventStream {
  /**
   * Delivers each event after the sequence `after` that passes the filter once, in order, without a gap. Default of `after`:
   * the current sequence. Ends on `return()` and when the stream closes; throws once its API key is revoked.
   */
  subscribe(organizationId: string, subscription: EventSubscription): AsyncIterableIterator<EventRecord>
  close(): Promise<void>
}

interface EventSubscription {
  readonly after: number | null
  readonly filter: EventFilter
  readonly keyId: string
}

/** How often the table is polled, to deliver events whose NOTIFY was lost. */
const pollIntervalMs = 5_000

/** Uses one listening connection for the process and one feed for each organization with subscribers. */
export async function createEventStream(options: {
  readonly db: Db
  readonly databaseUrl: string
  readonly keys: KeyWatch
  readonly onError: (error: unknown) => void
}): Promise<EventStream> {
  const { db, keys, onError } = options
  const feeds = new Map<string, OrganizationFeed>()
  const closing = new AbortController()
  const notifyAll = () => {
    for (const feed of feeds.values()) feed.notify()
  }
  const listener = await listenForChanges(options.databaseUrl, {
    onChange: ({ organizations }) => {
      for (const id of organizations) feeds.get(id)?.notify()
    },
    onGap: notifyAll,
    onError,
  })
  const timer = setInterval(notifyAll, pollIntervalMs)

  const feedOf = (organizationId: string): OrganizationFeed => {
    let feed = feeds.get(organizationId)
    if (!feed) {
      feed = new OrganizationFeed(db, organizationId, onError, () => feeds.delete(organizationId))
      feeds.set(organizationId, feed)
    }
    return feed
  }

  async function* follow(
    organizationId: string,
    { after, filter }: Pick<EventSubscription, 'after' | 'filter'>,
    ending: AbortSignal,
  ): AsyncGenerator<EventRecord, void, undefined> {
    const passes = createFilter(db, organizationId, filter)
    let lastDelivered = after
    while (!ending.aborted) {
      const buffer = await feedOf(organizationId).subscribe()
      let cursor: number = lastDelivered ?? buffer.startSequence
      try {
        while (cursor < buffer.startSequence && !ending.aborted) {
          const range = { after: cursor, until: buffer.startSequence, limit: eventPageSize }
          const page: readonly EventRecord[] = await inOrganization(db, organizationId, (tx) =>
            readEvents(tx, organizationId, filter, range),
          )
          for (const event of page) {
            yield event
            cursor = event.sequence
          }
          if (page.length < eventPageSize) cursor = buffer.startSequence
        }
        for await (const event of buffer.events(ending)) {
          // Events that are committed after the revocation have higher sequences, so this key receives none of them.
          if (event.type === 'apiKey.revoked') keys.markRevoked(String(event.payload.keyId))
          if (event.sequence <= cursor) continue
          if (await passes(event)) yield event
          cursor = event.sequence
        }
      } finally {
        buffer.unsubscribe()
      }
      lastDelivered = cursor
    }
  }

  return {
    subscribe(organizationId, subscription) {
      const stop = new AbortController()
      const key = keys.watch(subscription.keyId)
      const ending = AbortSignal.any([stop.signal, closing.signal, key.revoked])
      return endOnRevocation(follow(organizationId, subscription, ending), key, () => stop.abort())
    },
    async close() {
      clearInterval(timer)
      closing.abort()
      await listener.close()
    },
  }
}

/**
 * Ends a stream with an error once its key is revoked, and delivers nothing afterwards. `stop` wakes a waiting generator, which
 * would otherwise handle `return()` only at its next `yield`.
 */
function endOnRevocation<Item>(
  generator: AsyncGenerator<Item, void, undefined>,
  key: WatchedKey,
  stop: () => void,
): AsyncIterableIterator<Item> {
  const release = () => {
    stop()
    key.release()
  }
  return {
    next: async () => {
      try {
        const result = await generator.next()
        await key.confirmed()
        if (!key.revoked.aborted) {
          if (result.done) release()
          return result
        }
      } catch (error) {
        release()
        throw error
      }
      release()
      await generator.return()
      throw keyRevokedError()
    },
    return: () => {
      release()
      return generator.return()
    },
    throw: (error) => {
      release()
      return generator.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** Applies an event filter to events in memory. */
function createFilter(
  db: Db,
  organizationId: string,
  filter: EventFilter,
): (event: EventRecord) => Promise<boolean> | boolean {
  switch (filter.kind) {
    case 'all':
      return () => true
    case 'job':
      return ({ jobId }) => jobId === filter.jobId
    case 'family':
      return ({ type }) => type.startsWith(filter.prefix)
    case 'plan': {
      const belongsToPlan = new Map<string, boolean>()
      return async ({ planId, slotId }) => {
        if (planId !== null || slotId === null) return planId === filter.planId
        let known = belongsToPlan.get(slotId)
        if (known === undefined) {
          const found = await inOrganization(db, organizationId, (tx) =>
            findPlanOfSlot(tx, organizationId, slotId),
          )
          known = found === filter.planId
          belongsToPlan.set(slotId, known)
        }
        return known
      }
    }
  }
}
