import { type Db, inOrganization } from '../../store/database.ts'
import { type EventRecord, readEvents, readHead } from '../../store/event/read.ts'

const pageSize = 200
/** What a follower may leave unread before it is sent back to the table. */
const mostUnread = 1_000

/** Reads an organization's events past the last one it saw, whenever poked, and hands each to all who joined. */
export class Feed {
  readonly #db: Db
  readonly #organizationId: string
  readonly #onError: (error: unknown) => void
  readonly #onEmpty: () => void
  readonly #inboxes = new Set<Inbox>()
  #head: Promise<number> | undefined
  #last = 0
  #reading = false
  #again = false
  #joining = 0

  constructor(db: Db, organizationId: string, onError: (error: unknown) => void, onEmpty: () => void) {
    this.#db = db
    this.#organizationId = organizationId
    this.#onError = onError
    this.#onEmpty = onEmpty
  }

  /** An inbox that gets every event after its `from`. */
  async join(): Promise<Inbox> {
    this.#joining += 1
    try {
      this.#head ??= inOrganization(this.#db, this.#organizationId, (tx) =>
        readHead(tx, this.#organizationId),
      )
      // Nothing is handed out between the answer and the entry into the set: both happen in the same turn.
      const from = await this.#head
      const inbox = new Inbox(Math.max(from, this.#last), () => this.#leave(inbox))
      this.#inboxes.add(inbox)
      return inbox
    } catch (error) {
      this.#head = undefined
      throw error
    } finally {
      this.#joining -= 1
    }
  }

  poke(): void {
    if (this.#reading) this.#again = true
    else this.#read().catch(this.#onError)
  }

  async #read(): Promise<void> {
    this.#reading = true
    try {
      const start = await this.#head
      if (start === undefined) return
      this.#last = Math.max(this.#last, start)
      do {
        this.#again = false
        const events = await inOrganization(this.#db, this.#organizationId, (tx) =>
          readEvents(
            tx,
            this.#organizationId,
            { kind: 'all' },
            { after: this.#last, until: Number.MAX_SAFE_INTEGER, limit: pageSize },
          ),
        )
        for (const event of events) {
          this.#last = event.sequence
          for (const inbox of this.#inboxes) inbox.put(event)
        }
        if (events.length === pageSize) this.#again = true
      } while (this.#again)
    } finally {
      this.#reading = false
    }
  }

  #leave(inbox: Inbox): void {
    // Left twice, once for overflowing and once by its owner, it must not count twice: another feed may be in place.
    if (this.#inboxes.delete(inbox) && this.#inboxes.size === 0 && this.#joining === 0) this.#onEmpty()
  }
}

/** What a follower has not read yet. Overflowing, it ends: the follower joins again and reads the table meanwhile. */
class Inbox {
  readonly from: number
  readonly leave: () => void
  #unread: EventRecord[] = []
  #overflown = false
  #wake: (() => void) | undefined

  constructor(from: number, leave: () => void) {
    this.from = from
    this.leave = leave
  }

  put(event: EventRecord): void {
    if (this.#unread.length >= mostUnread) {
      this.#overflown = true
      this.#unread = []
      this.leave()
    } else if (!this.#overflown) this.#unread.push(event)
    this.#wake?.()
  }

  async *events(ending: AbortSignal): AsyncGenerator<EventRecord, void, undefined> {
    const wake = () => this.#wake?.()
    ending.addEventListener('abort', wake)
    try {
      while (!ending.aborted && !this.#overflown) {
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
