import { type Db, inOrganization } from '../store/database.ts'
import { type EventFilter, type EventRecord, findPlanOfSlot, readEvents } from '../store/event-view-store.ts'
import { listenForHints } from '../store/hint.ts'
import { requestError } from './error.ts'
import { Feed } from './feed.ts'

/** Follows the events of organizations: replays what was missed from the table, then goes on live. */
export interface Hub {
  /**
   * The events after a number (from now on, if none is given) that pass the filter: each once, in order, without a gap.
   * Ends when it is returned, when the hub closes, and with an error once the key that opened it is revoked.
   */
  follow(
    organizationId: string,
    options: { readonly after: number | null; readonly filter: EventFilter; readonly keyId: string },
  ): AsyncIterableIterator<EventRecord>
  close(): Promise<void>
}

const pageSize = 200
/** NOTIFY is only a hint: whatever was missed is found within this time. */
const lookEveryMs = 5_000

/** One hub a process: one listening connection, and one reader for each organization that is followed. */
export async function createHub(options: {
  readonly db: Db
  readonly databaseUrl: string
  readonly onError: (error: unknown) => void
}): Promise<Hub> {
  const { db, onError } = options
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
    { after, filter, keyId }: Parameters<Hub['follow']>[1],
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
          if (event.type === 'apiKey.revoked' && event.payload.keyId === keyId)
            throw requestError('UNAUTHENTICATED', 'The API key was revoked.')
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
      return stoppable(follow(organizationId, followed, AbortSignal.any([stop.signal, closing.signal])), () =>
        stop.abort(),
      )
    },
    async close() {
      clearInterval(timer)
      closing.abort()
      await listener.close()
    },
  }
}

/** A generator that waits hears of its `return` only when it next yields; this tells it at once. */
function stoppable<Item>(
  generator: AsyncGenerator<Item, void, undefined>,
  stop: () => void,
): AsyncIterableIterator<Item> {
  return {
    next: () => generator.next(),
    return: () => {
      stop()
      return generator.return()
    },
    throw: (error) => {
      stop()
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
