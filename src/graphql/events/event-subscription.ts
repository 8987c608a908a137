import type { EventFilter, EventRecord } from '../../store/event/read.ts'
import { type KeyWatch, keyRevokedError, type WatchedKey } from '../server/key-watch.ts'

/** Which events a subscriber receives, and the API key under which it does. */
export interface EventSelection {
  /** Null: those after the current sequence. */
  readonly after: number | null
  readonly filter: EventFilter
  readonly keyId: string
  /** Called before each event is delivered. */
  readonly onEvent?: () => void
}

/** The events of one subscriber. It ends with an error once its key is revoked, and delivers nothing afterwards. */
export class EventSubscription implements AsyncIterableIterator<EventRecord> {
  readonly organizationId: string
  readonly selection: EventSelection
  readonly #keys: KeyWatch
  readonly #follow: (ending: AbortSignal) => AsyncGenerator<readonly EventRecord[], void, undefined>
  #started: Started | undefined
  #isEnded = false

  constructor(
    organizationId: string,
    selection: EventSelection,
    keys: KeyWatch,
    follow: (ending: AbortSignal) => AsyncGenerator<readonly EventRecord[], void, undefined>,
  ) {
    this.organizationId = organizationId
    this.selection = selection
    this.#keys = keys
    this.#follow = follow
  }

  async next(): Promise<IteratorResult<EventRecord>> {
    if (this.#isEnded) return { value: undefined, done: true }
    this.#started ??= this.#start()
    const { events, key } = this.#started
    try {
      const result = await events.next()
      await key.confirmed()
      if (!key.revoked.aborted) {
        if (result.done) this.#end()
        else this.selection.onEvent?.()
        return result
      }
    } catch (error) {
      this.#end()
      throw error
    }
    this.#end()
    await events.return()
    throw keyRevokedError()
  }

  async return(): Promise<IteratorResult<EventRecord>> {
    this.#end()
    await this.#started?.events.return()
    return { value: undefined, done: true }
  }

  async throw(error: unknown): Promise<IteratorResult<EventRecord>> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator]() {
    return this
  }

  #start(): Started {
    const stop = new AbortController()
    const key = this.#keys.watch(this.selection.keyId)
    const batches = this.#follow(AbortSignal.any([stop.signal, key.revoked]))
    return { key, stop, events: eachOf(batches) }
  }

  /** Wakes a waiting generator, which would otherwise handle `return()` only at its next `yield`. */
  #end(): void {
    this.#isEnded = true
    this.#started?.stop.abort()
    this.#started?.key.release()
  }
}

interface Started {
  readonly key: WatchedKey
  readonly stop: AbortController
  readonly events: AsyncGenerator<EventRecord, void, undefined>
}

async function* eachOf(
  batches: AsyncGenerator<readonly EventRecord[], void, undefined>,
): AsyncGenerator<EventRecord, void, undefined> {
  for await (const batch of batches) yield* batch
}
