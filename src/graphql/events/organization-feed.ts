import { type Db, inOrganization } from '../../store/database.ts'
import { type EventRecord, readEvents, readHead } from '../../store/event/read.ts'

/** How many events one query reads. */
export const eventPageSize = 200
/** How many undelivered events a subscriber may have before its buffer overflows. */
const maxUnread = 1_000

/** Reads the new events of one organization after each notification and pushes them to all its subscribers. */
export class OrganizationFeed {
  readonly #db: Db
  readonly #organizationId: string
  readonly #onError: (error: unknown) => void
  readonly #onEmpty: () => void
  readonly #buffers = new Set<SubscriberBuffer>()
  #head: Promise<number> | undefined
  #lastSequence = 0
  #isReading = false
  #hasMore = false
  #subscribing = 0

  constructor(db: Db, organizationId: string, onError: (error: unknown) => void, onEmpty: () => void) {
    this.#db = db
    this.#organizationId = organizationId
    this.#onError = onError
    this.#onEmpty = onEmpty
  }

  /** Returns a buffer that receives every event after its `startSequence`. */
  async subscribe(): Promise<SubscriberBuffer> {
    this.#subscribing += 1
    try {
      this.#head ??= inOrganization(this.#db, this.#organizationId, (tx) =>
        readHead(tx, this.#organizationId),
      )
      // No event is pushed between the read of the head and the addition to the set: no await separates them.
      const head = await this.#head
      const buffer = new SubscriberBuffer(Math.max(head, this.#lastSequence), () => this.#unsubscribe(buffer))
      this.#buffers.add(buffer)
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
        const events = await inOrganization(this.#db, this.#organizationId, (tx) =>
          readEvents(
            tx,
            this.#organizationId,
            { kind: 'all' },
            { after: this.#lastSequence, until: Number.MAX_SAFE_INTEGER, limit: eventPageSize },
          ),
        )
        for (const event of events) {
          this.#lastSequence = event.sequence
          for (const buffer of this.#buffers) buffer.push(event)
        }
        if (events.length === eventPageSize) this.#hasMore = true
      } while (this.#hasMore)
    } finally {
      this.#isReading = false
    }
  }

  #unsubscribe(buffer: SubscriberBuffer): void {
    // A buffer that overflowed is unsubscribed a second time by its owner. Only the first call may report an empty feed:
    // by the second, another feed may serve the organization.
    if (this.#buffers.delete(buffer) && this.#buffers.size === 0 && this.#subscribing === 0) this.#onEmpty()
  }
}

/** The undelivered events of one subscriber. On overflow it ends: the subscriber reads the table and subscribes again. */
class SubscriberBuffer {
  readonly startSequence: number
  readonly unsubscribe: () => void
  #unread: EventRecord[] = []
  #hasOverflowed = false
  #wake: (() => void) | undefined

  constructor(startSequence: number, unsubscribe: () => void) {
    this.startSequence = startSequence
    this.unsubscribe = unsubscribe
  }

  push(event: EventRecord): void {
    if (this.#unread.length >= maxUnread) {
      this.#hasOverflowed = true
      this.#unread = []
      this.unsubscribe()
    } else if (!this.#hasOverflowed) this.#unread.push(event)
    this.#wake?.()
  }

  async *events(ending: AbortSignal): AsyncGenerator<EventRecord, void, undefined> {
    const wake = () => this.#wake?.()
    ending.addEventListener('abort', wake)
    try {
      while (!ending.aborted && !this.#hasOverflowed) {
        const event = this.#unread.shift()
        if (event) yield event
        else
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
      }
    } finally {
      ending.removeEventListener('abort', wake)
    }
  }
}
