import { type Db, readInOrganization } from '../../store/database.ts'
import { type EventFilter, type EventRecord, readHead, readNewEvents } from '../../store/event/read.ts'
import { SubscriberBuffer } from './subscriber-buffer.ts'
import { topicOf, topicsOf } from './topic.ts'

/** How many events one query reads. */
export const eventPageSize = 200

/** Reads the new events of one organization after each notification and pushes each to the subscribers of its topics. */
export class OrganizationFeed {
  readonly #db: Db
  readonly #organizationId: string
  readonly #onError: (error: unknown) => void
  readonly #onEmpty: () => void
  readonly #onEvent: (event: EventRecord) => void
  readonly #buffers = new Map<string, Set<SubscriberBuffer>>()
  #head: Promise<number> | undefined
  #lastSequence = 0
  #isReading = false
  #hasMore = false
  #subscribing = 0

  /** `onEvent` is called for each event, before it is pushed. */
  constructor(
    db: Db,
    organizationId: string,
    onError: (error: unknown) => void,
    onEmpty: () => void,
    onEvent: (event: EventRecord) => void = () => undefined,
  ) {
    this.#db = db
    this.#organizationId = organizationId
    this.#onError = onError
    this.#onEmpty = onEmpty
    this.#onEvent = onEvent
  }

  /** Returns a buffer that receives every event after its `startSequence` that passes the filter. */
  async subscribe(filter: EventFilter = { kind: 'all' }): Promise<SubscriberBuffer> {
    this.#subscribing += 1
    try {
      this.#head ??= readInOrganization(this.#db, this.#organizationId, (db) =>
        readHead(db, this.#organizationId),
      )
      // No event is pushed between the read of the head and the addition to the set: no await separates them.
      const head = await this.#head
      const topic = topicOf(filter)
      const buffer = new SubscriberBuffer(Math.max(head, this.#lastSequence), () =>
        this.#unsubscribe(topic, buffer),
      )
      const others = this.#buffers.get(topic)
      if (others) others.add(buffer)
      else this.#buffers.set(topic, new Set([buffer]))
      return buffer
    } catch (error) {
      this.#head = undefined
      throw error
    } finally {
      this.#subscribing -= 1
    }
  }

  /** Reads the new events. A notification during a read causes another one. */
  notify(): void {
    if (this.#isReading) this.#hasMore = true
    else this.#read().catch(this.#onError)
  }

  async #read(): Promise<void> {
    this.#isReading = true
    try {
      const head = await this.#head
      if (head === undefined) return
      this.#lastSequence = Math.max(this.#lastSequence, head)
      do {
        this.#hasMore = false
        const after = this.#lastSequence
        const events = await readInOrganization(this.#db, this.#organizationId, (db) =>
          readNewEvents(db, this.#organizationId, { after, limit: eventPageSize }),
        )
        for (const event of events) {
          this.#lastSequence = event.sequence
          this.#onEvent(event)
          for (const topic of topicsOf(event))
            for (const buffer of this.#buffers.get(topic) ?? []) buffer.push(event)
        }
        if (events.length === eventPageSize) this.#hasMore = true
      } while (this.#hasMore)
    } finally {
      this.#isReading = false
    }
  }

  #unsubscribe(topic: string, buffer: SubscriberBuffer): void {
    // A buffer that overflowed is unsubscribed a second time by its owner. Only the first call may report an empty feed:
    // by the second, another feed may serve the organization.
    const others = this.#buffers.get(topic)
    if (!others?.delete(buffer)) return
    if (others.size === 0) this.#buffers.delete(topic)
    if (this.#buffers.size === 0 && this.#subscribing === 0) this.#onEmpty()
  }
}
