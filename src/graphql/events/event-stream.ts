import { type Db, inOrganization } from '../../store/database.ts'
import { listenForChanges } from '../../store/event/notify.ts'
import { type EventFilter, type EventRecord, findPlanOfSlot, readEvents } from '../../store/event/read.ts'
import { type KeyWatch, keyRevokedError, type WatchedKey } from '../server/key-watch.ts'
import { OrganizationFeed } from './organization-feed.ts'

/** Follows the events of organizations: replays what was missed from the table, then goes on live. */
export interface EventStream {
  /**
   * The events after a number (from now on, if none is given) that pass the filter: each once, in order, without a gap.
   * Ends when it is returned, when the hub closes, and with an error once the key that opened it does not work any more, whatever
   * it is doing then.
   */
  subscribe(organizationId: string, followed: EventSubscription): AsyncIterableIterator<EventRecord>
  close(): Promise<void>
}

interface EventSubscription {
  readonly after: number | null
  readonly filter: EventFilter
  readonly keyId: string
}

const pageSize = 200
/** NOTIFY is only a hint: whatever was missed is found within this time. */
const pollIntervalMs = 5_000

/** One hub a process: one listening connection, and one reader for each organization that is followed. */
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
    let known = after
    while (!ending.aborted) {
      const buffer = await feedOf(organizationId).subscribe()
      let cursor: number = known ?? buffer.startSequence
      try {
        while (cursor < buffer.startSequence && !ending.aborted) {
          const range = { after: cursor, until: buffer.startSequence, limit: pageSize }
          const page: readonly EventRecord[] = await inOrganization(db, organizationId, (tx) =>
            readEvents(tx, organizationId, filter, range),
          )
          for (const event of page) {
            yield event
            cursor = event.sequence
          }
          if (page.length < pageSize) cursor = buffer.startSequence
        }
        for await (const event of buffer.events(ending)) {
          // Whatever is committed after it has a higher number, so nothing of that reaches who follows by this key.
          if (event.type === 'apiKey.revoked') keys.markRevoked(String(event.payload.keyId))
          if (event.sequence <= cursor) continue
          if (await passes(event)) yield event
          cursor = event.sequence
        }
      } finally {
        buffer.unsubscribe()
      }
      known = cursor
    }
  }

  return {
    subscribe(organizationId, followed) {
      const stop = new AbortController()
      const key = keys.watch(followed.keyId)
      const ending = AbortSignal.any([stop.signal, closing.signal, key.revoked])
      return endWithKey(follow(organizationId, followed, ending), key, () => stop.abort())
    },
    async close() {
      clearInterval(timer)
      closing.abort()
      await listener.close()
    },
  }
}

/**
 * Gives nothing that the key may not see any more. A generator that waits hears of its `return` only when it next yields;
 * `stop` tells it at once.
 */
function endWithKey<Item>(
  generator: AsyncGenerator<Item, void, undefined>,
  key: WatchedKey,
  stop: () => void,
): AsyncIterableIterator<Item> {
  const leave = () => {
    stop()
    key.release()
  }
  return {
    next: async () => {
      try {
        const result = await generator.next()
        await key.confirmed()
        if (!key.revoked.aborted) {
          if (result.done) leave()
          return result
        }
      } catch (error) {
        leave()
        throw error
      }
      leave()
      await generator.return()
      throw keyRevokedError()
    },
    return: () => {
      leave()
      return generator.return()
    },
    throw: (error) => {
      leave()
      return generator.throw(error)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** A filter for events that are already in memory. */
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
      const isOfPlan = new Map<string, boolean>()
      return async ({ planId, slotId }) => {
        if (planId !== null || slotId === null) return planId === filter.planId
        let known = isOfPlan.get(slotId)
        if (known === undefined) {
          const found = await inOrganization(db, organizationId, (tx) =>
            findPlanOfSlot(tx, organizationId, slotId),
          )
          known = found === filter.planId
          isOfPlan.set(slotId, known)
        }
        return known
      }
    }
  }
}
