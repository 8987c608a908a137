import { type Db, inOrganization } from '../../store/database.ts'
import { listenForHints } from '../../store/event/notify.ts'
import { type EventFilter, type EventRecord, findPlanOfSlot, readEvents } from '../../store/event/read.ts'
import { type KeyWatch, keyRevoked, type WatchedKey } from '../server/key-watch.ts'
import { Feed } from './organization-feed.ts'

/** Follows the events of organizations: replays what was missed from the table, then goes on live. */
export interface Hub {
  /**
   * The events after a number (from now on, if none is given) that pass the filter: each once, in order, without a gap.
   * Ends when it is returned, when the hub closes, and with an error once the key that opened it does not work any more, whatever
   * it is doing then.
   */
  follow(organizationId: string, followed: Followed): AsyncIterableIterator<EventRecord>
  close(): Promise<void>
}

interface Followed {
  readonly after: number | null
  readonly filter: EventFilter
  readonly keyId: string
}

const pageSize = 200
/** NOTIFY is only a hint: whatever was missed is found within this time. */
const lookEveryMs = 5_000

/** One hub a process: one listening connection, and one reader for each organization that is followed. */
export async function createHub(options: {
  readonly db: Db
  readonly databaseUrl: string
  readonly keys: KeyWatch
  readonly onError: (error: unknown) => void
}): Promise<Hub> {
  const { db, keys, onError } = options
  const feeds = new Map<string, Feed>()
  const closing = new AbortController()
  const pokeAll = () => {
    for (const feed of feeds.values()) feed.poke()
  }
  const listener = await listenForHints(options.databaseUrl, {
    onHint: ({ organizations }) => {
      for (const id of organizations) feeds.get(id)?.poke()
    },
    onGap: pokeAll,
    onError,
  })
  const timer = setInterval(pokeAll, lookEveryMs)

  const feedOf = (organizationId: string): Feed => {
    let feed = feeds.get(organizationId)
    if (!feed) {
      feed = new Feed(db, organizationId, onError, () => feeds.delete(organizationId))
      feeds.set(organizationId, feed)
    }
    return feed
  }

  async function* follow(
    organizationId: string,
    { after, filter }: Pick<Followed, 'after' | 'filter'>,
    ending: AbortSignal,
  ): AsyncGenerator<EventRecord, void, undefined> {
    const passes = createMatcher(db, organizationId, filter)
    let known = after
    while (!ending.aborted) {
      const inbox = await feedOf(organizationId).join()
      let cursor: number = known ?? inbox.from
      try {
        while (cursor < inbox.from && !ending.aborted) {
          const range = { after: cursor, until: inbox.from, limit: pageSize }
          const page: readonly EventRecord[] = await inOrganization(db, organizationId, (tx) =>
            readEvents(tx, organizationId, filter, range),
          )
          for (const event of page) {
            yield event
            cursor = event.sequence
          }
          if (page.length < pageSize) cursor = inbox.from
        }
        for await (const event of inbox.events(ending)) {
          // Whatever is committed after it has a higher number, so nothing of that reaches who follows by this key.
          if (event.type === 'apiKey.revoked') keys.end(String(event.payload.keyId))
          if (event.sequence <= cursor) continue
          if (await passes(event)) yield event
          cursor = event.sequence
        }
      } finally {
        inbox.leave()
      }
      known = cursor
    }
  }

  return {
    follow(organizationId, followed) {
      const stop = new AbortController()
      const key = keys.hold(followed.keyId)
      const ending = AbortSignal.any([stop.signal, closing.signal, key.ended])
      return underKey(follow(organizationId, followed, ending), key, () => stop.abort())
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
function underKey<Item>(
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
        if (!key.ended.aborted) {
          if (result.done) leave()
          return result
        }
      } catch (error) {
        leave()
        throw error
      }
      leave()
      await generator.return()
      throw keyRevoked()
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
function createMatcher(
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
