import { type DocumentNode, type ExecutionResult, execute, type GraphQLSchema } from 'graphql'
import type { EventRecord } from '../../store/event/read.ts'
import type { Context } from '../server/context.ts'
import type { WatchedKey } from '../server/key-watch.ts'
import { contextForAll } from './context-for-all.ts'
import type { EventSelection } from './event-subscription.ts'
import type { SharedOperation } from './shared-operation.ts'
import type { SharedMessage, Transport } from './transport.ts'

/** A subscriber that is level with the execution and receives its messages. */
export interface LiveSubscriber {
  readonly keyId: string
  readonly key: WatchedKey
  /** The sequence of the last event that it has received. */
  cursor: number
  readonly transport: Transport
  /** The text of a message that is not the same for everybody. */
  textOf(result: ExecutionResult): string
  /** Called once: it receives no further messages. */
  onLeft(reason: LeaveReason): void
}

/** A subscriber that falls behind reads the table until it is level again. */
export type LeaveReason =
  | { readonly kind: 'behind' | 'ended' | 'revoked' }
  | { readonly kind: 'failed'; readonly error: unknown }

/** A subscriber with more unsent bytes than this falls behind. */
const maxBufferedBytes = 256 * 1_024
/** How many messages are written to all subscribers in one turn of the event loop: about 40 ms. */
const maxDeliveriesPerTurn = 5_000
const maxEventsPerTurn = 50
/** How much is written to a subscriber, apart from a single longer message, before its unsent bytes are looked at again. */
const maxWriteLength = 64 * 1_024

/** The live subscribers with one API key. Each of them watches it. */
interface KeyHolders {
  readonly key: WatchedKey
  readonly release: () => void
  readonly subscribers: Set<LiveSubscriber>
}

/** Executes one operation once for each event, and writes the result to all of its subscribers. */
export class SharedExecution {
  /** Resolves when `position` is known. */
  readonly started: Promise<void>
  /** Every event up to this one was delivered to the live subscribers. */
  position = 0
  /** Undefined until it has ended. */
  end: LeaveReason | undefined
  readonly filter: EventSelection['filter']
  readonly organizationId: string
  /** The document that places in errors refer to. */
  readonly source: DocumentNode
  readonly #schema: GraphQLSchema
  readonly #operation: SharedOperation
  readonly #context: Context
  readonly #holders = new Map<string, KeyHolders>()
  readonly #ending = new AbortController()
  #subscriberCount = 0

  constructor(options: {
    readonly organizationId: string
    readonly filter: EventSelection['filter']
    readonly schema: GraphQLSchema
    readonly source: DocumentNode
    readonly operation: SharedOperation
    /** Of its first subscriber. */
    readonly context: Context
    readonly onEnded: () => void
  }) {
    this.organizationId = options.organizationId
    this.filter = options.filter
    this.source = options.source
    this.#schema = options.schema
    this.#operation = options.operation
    this.#context = options.context
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.started = promise
    promise.catch(() => undefined) // A failure that no subscriber waits for concerns nobody.
    this.#run(resolve)
      .then(
        () => this.#endAll({ kind: 'ended' }),
        (error: unknown) => {
          reject(error)
          this.#endAll({ kind: 'failed', error })
        },
      )
      .finally(() => {
        resolve()
        options.onEnded()
      })
  }

  /** Counts a subscriber, live or not. The execution ends with its last one. */
  enter(): void {
    this.#subscriberCount += 1
  }

  leave(): void {
    this.#subscriberCount -= 1
    if (this.#subscriberCount === 0) this.#ending.abort()
  }

  /** Whether nobody may join any more. */
  get hasEnded(): boolean {
    return this.#ending.signal.aborted
  }

  /** Delivers every event after `position` to a subscriber whose cursor is at least there. */
  join(subscriber: LiveSubscriber): void {
    const { keyId, key } = subscriber
    let holders = this.#holders.get(keyId)
    if (!holders) {
      const onRevoked = () => this.#revoke(keyId)
      key.revoked.addEventListener('abort', onRevoked, { once: true })
      const release = () => key.revoked.removeEventListener('abort', onRevoked)
      holders = { key, release, subscribers: new Set() }
      this.#holders.set(keyId, holders)
    }
    holders.subscribers.add(subscriber)
  }

  /** Delivers nothing more to a subscriber. */
  remove(subscriber: LiveSubscriber): void {
    const holders = this.#holders.get(subscriber.keyId)
    if (!holders?.subscribers.delete(subscriber) || holders.subscribers.size > 0) return
    holders.release()
    this.#holders.delete(subscriber.keyId)
  }

  /** At most `eventPageSize` events of this subscription with `after < sequence <= until`. */
  readPage(range: { readonly after: number; readonly until: number }): Promise<readonly EventRecord[]> {
    return this.#context.eventStream.readPage(this.organizationId, this.filter, range)
  }

  /** Results of events that are executed together. They resolve the objects as they are now. */
  async execute(events: readonly EventRecord[]): Promise<readonly ExecutionResult[]> {
    const contextValue = contextForAll(this.#context)
    const { document, operationName, variables: variableValues } = this.#operation
    const args = { schema: this.#schema, document, operationName, variableValues, contextValue }
    return await Promise.all(events.map((rootValue) => execute({ ...args, rootValue })))
  }

  async #run(onStart: () => void): Promise<void> {
    const { organizationId, filter } = this
    const { signal } = this.#ending
    const batches = this.#context.eventStream.follow(
      organizationId,
      { after: null, filter },
      signal,
      (sequence) => {
        this.position = sequence
        onStart()
      },
    )
    for await (const batch of batches) {
      let start = 0
      while (start < batch.length && !signal.aborted) {
        const size = Math.ceil(maxDeliveriesPerTurn / Math.max(this.#subscriberCount, 1))
        const events = batch.slice(start, start + Math.min(size, maxEventsPerTurn))
        start += events.length
        const results = await this.execute(events)
        for (let late = this.#unconfirmed(); late; late = this.#unconfirmed()) await late
        const messages = results.map((result, index) => ({
          sequence: events[index]?.sequence ?? 0,
          result,
          text: result.errors ? undefined : JSON.stringify(result),
        }))
        for (const group of groupBySize(messages)) this.#deliver(group)
        // Lets sockets be read and other organizations' events be delivered between the turns.
        if (start < batch.length) await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }

  /** Nothing is sent under a key that was not confirmed recently. */
  #unconfirmed(): Promise<void> | undefined {
    for (const { key } of this.#holders.values()) {
      const confirmed = key.confirmed()
      if (confirmed) return confirmed
    }
    return undefined
  }

  /** Not interrupted: a subscriber joins before all of these messages or after them. */
  #deliver(messages: readonly SharedMessage[]): void {
    const [first] = messages
    const last = messages.at(-1)
    if (!first || !last) return
    const isSame = messages.every(({ text }) => text !== undefined)
    this.position = last.sequence
    for (const { key, subscribers } of this.#holders.values()) {
      if (key.revoked.aborted) continue
      for (const subscriber of subscribers) {
        const { transport } = subscriber
        if (transport.bufferedBytes > maxBufferedBytes) {
          this.remove(subscriber)
          subscriber.onLeft({ kind: 'behind' })
        } else if (isSame && subscriber.cursor < first.sequence) {
          transport.sendAll(messages)
          subscriber.cursor = last.sequence
        } else {
          for (const { sequence, result, text } of messages) {
            if (sequence <= subscriber.cursor) continue
            transport.send(text ?? subscriber.textOf(result))
            subscriber.cursor = sequence
          }
        }
      }
    }
  }

  #revoke(keyId: string): void {
    const holders = this.#holders.get(keyId)
    this.#holders.delete(keyId)
    holders?.release()
    for (const subscriber of holders?.subscribers ?? []) subscriber.onLeft({ kind: 'revoked' })
  }

  #endAll(reason: LeaveReason): void {
    this.end = reason
    this.#ending.abort()
    for (const { release, subscribers } of this.#holders.values()) {
      release()
      for (const subscriber of subscribers) subscriber.onLeft(reason)
    }
    this.#holders.clear()
  }
}

function groupBySize(messages: readonly SharedMessage[]): readonly (readonly SharedMessage[])[] {
  const groups: SharedMessage[][] = []
  let length = Number.POSITIVE_INFINITY
  for (const message of messages) {
    length += message.text?.length ?? 0
    if (length > maxWriteLength) {
      groups.push([])
      length = message.text?.length ?? 0
    }
    groups.at(-1)?.push(message)
  }
  return groups
}
