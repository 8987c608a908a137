import { type Db, readInOrganization } from '../../store/database.ts'
import { listenForChanges } from '../../store/event/notify.ts'
import { type EventFilter, type EventRecord, readEvents } from '../../store/event/read.ts'
import type { KeyWatch } from '../server/key-watch.ts'
import { type EventSelection, EventSubscription } from './event-subscription.ts'
import { requireKept } from './kept-events.ts'
import { eventPageSize, OrganizationFeed } from './organization-feed.ts'

/** Streams the events of organizations: replays earlier events from the table, then delivers new ones live. */
export interface EventStream {
  /**
   * Delivers each event after the sequence `after` that passes the filter once, in order, without a gap. Default of `after`:
   * the current sequence; 0: the first that is kept. Ends on `return()` and when the stream closes; throws once its API key is revoked. Starts with the
   * first `next()`.
   */
  subscribe(organizationId: string, selection: EventSelection): EventSubscription
  /**
   * The same for a subscriber of several keys, in batches and without end until `ending` or the stream closes: whoever receives
   * them observes the revocations. `onStart` gets the sequence after which it delivers.
   */
  follow(
    organizationId: string,
    selection: Pick<EventSelection, 'after' | 'filter'>,
    ending: AbortSignal,
    onStart?: (sequence: number) => void,
  ): AsyncGenerator<readonly EventRecord[], void, undefined>
  /** At most `eventPageSize` events with `after < sequence <= until` that pass the filter; fewer are all. Throws `AFTER_TOO_OLD`. */
  readPage(
    organizationId: string,
    filter: EventFilter,
    range: { readonly after: number; readonly until: number },
  ): Promise<readonly EventRecord[]>
  close(): Promise<void>
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

  // Events that are committed after the revocation have higher sequences, so the key receives none of them.
  const markRevoked = (event: EventRecord) => {
    if (event.type === 'apiKey.revoked') keys.markRevoked(String(event.payload.keyId))
  }
  const feedOf = (organizationId: string): OrganizationFeed => {
    let feed = feeds.get(organizationId)
    if (!feed) {
      feed = new OrganizationFeed(
        db,
        organizationId,
        onError,
        () => feeds.delete(organizationId),
        markRevoked,
      )
      feeds.set(organizationId, feed)
    }
    return feed
  }

  const readPage: EventStream['readPage'] = (organizationId, filter, range) =>
    requireKept(
      readInOrganization(db, organizationId, (db) =>
        readEvents(db, organizationId, filter, { ...range, limit: eventPageSize }),
      ),
    )

  const follow: EventStream['follow'] = async function* (
    organizationId,
    { after, filter },
    stopped,
    onStart = () => undefined,
  ) {
    const ending = AbortSignal.any([stopped, closing.signal])
    let lastDelivered = after
    while (!ending.aborted) {
      const buffer = await feedOf(organizationId).subscribe(filter)
      const { startSequence: until } = buffer
      let cursor: number = lastDelivered ?? until
      if (lastDelivered === null) onStart(until)
      try {
        while (cursor < until && !ending.aborted) {
          const page = await readPage(organizationId, filter, { after: cursor, until })
          if (page.length > 0) yield page
          cursor = page.length < eventPageSize ? until : (page.at(-1)?.sequence ?? until)
        }
        for await (const batch of buffer.batches(ending)) {
          const fresh = batch.filter(({ sequence }) => sequence > cursor)
          if (fresh.length > 0) yield fresh
          cursor = Math.max(cursor, batch.at(-1)?.sequence ?? 0)
        }
      } finally {
        buffer.unsubscribe()
      }
      lastDelivered = cursor
    }
  }

  return {
    subscribe: (organizationId, selection) =>
      new EventSubscription(organizationId, selection, keys, (ending) =>
        follow(organizationId, selection, ending),
      ),
    follow,
    readPage,
    async close() {
      clearInterval(timer)
      closing.abort()
      await listener.close()
    },
  }
}
