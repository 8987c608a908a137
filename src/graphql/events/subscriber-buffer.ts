import type { EventRecord } from '../../store/event/read.ts'

/** How many undelivered events a subscriber may have before its buffer overflows. */
const maxUnread = 1_000

/** The undelivered events of one subscriber. On overflow it ends: the subscriber reads the table and subscribes again. */
export class SubscriberBuffer {
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

  /** Yields all events that have arrived, as often as there are some. */
  async *batches(ending: AbortSignal): AsyncGenerator<readonly EventRecord[], void, undefined> {
    const wake = () => this.#wake?.()
    ending.addEventListener('abort', wake)
    try {
      while (!ending.aborted && !this.#hasOverflowed) {
        const batch = this.#unread
        if (batch.length > 0) {
          this.#unread = []
          yield batch
        } else
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
      }
    } finally {
      ending.removeEventListener('abort', wake)
    }
  }
}
