import { type Db, inOrganization } from '../../store/database.ts'
import { type EventRecord, readEvents, readHead } from '../../store/event/read.ts'

const pageSize = 200
/** What a follower may leave unread before it is sent back to the table. */
const maxUnread = 1_000

/** Reads an organization's events past the last one it saw, whenever poked, and hands each to all who joined. */
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

  /** An buffer that gets every event after its `from`. */
  async subscribe(): Promise<SubscriberBuffer> {
    this.#subscribing += 1
    try {
      this.#head ??= inOrganization(this.#db, this.#organizationId, (tx) =>
        readHead(tx, this.#organizationId),
      )
      // Nothing is handed out between the answer and the entry into the set: both happen in the same turn.
      const from = await this.#head
      const buffer = new SubscriberBuffer(Math.max(from, this.#lastSequence), () => this.#unsubscribe(buffer))
      this.#buffers.add(buffer)
      return buffer
    } catch (error) {
      this.#head = undefined
      throw error
    } finally {
      this.#subscribing -= 1
    }
  }

  notify(): void {
    if (this.#isReading) this.#hasMore = true
    else this.#read().catch(this.#onError)
  }

  async #read(): Promise<void> {
    this.#isReading = true
    try {
      const start = await this.#head
      if (start === undefined) return
      this.#lastSequence = Math.max(this.#lastSequence, start)
      do {
        this.#hasMore = false
        const events = await inOrganization(this.#db, this.#organizationId, (tx) =>
          readEvents(
            tx,
            this.#organizationId,
            { kind: 'all' },
            { after: this.#lastSequence, until: Number.MAX_SAFE_INTEGER, limit: pageSize },
          ),
        )
        for (const event of events) {
          this.#lastSequence = event.sequence
          for (const buffer of this.#buffers) buffer.push(event)
        }
        if (events.length === pageSize) this.#hasMore = true
      } while (this.#hasMore)
    } finally {
      this.#isReading = false
    }
  }

  #unsubscribe(buffer: SubscriberBuffer): void {
    // Left twice, once for overflowing and once by its owner, it must not count twice: another feed may be in place.
    if (this.#buffers.delete(buffer) && this.#buffers.size === 0 && this.#subscribing === 0) this.#onEmpty()
  }
}

/** What a follower has not read yet. Overflowing, it ends: the follower joins again and reads the table meanwhile. */
class SubscriberBuffer {
  readonly startSequence: number
  readonly unsubscribe: () => void
  #unread: EventRecord[] = []
  #hasOverflowed = false
  #wake: (() => void) | undefined

  constructor(from: number, leave: () => void) {
    this.startSequence = from
    this.unsubscribe = leave
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
