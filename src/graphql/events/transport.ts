import type { ExecutionResult } from 'graphql'

/** The result of an event, serialized once for all subscribers who get the same bytes. */
export interface SharedMessage {
  readonly sequence: number
  readonly result: ExecutionResult
  /** The JSON of the result. Undefined if it has errors: they carry the id of each subscriber's request. */
  readonly text: string | undefined
}

/** A connection that messages are written to without waiting. What it does not send yet, it buffers. */
export interface Transport {
  readonly bufferedBytes: number
  /** Writes messages that others get as well. The same array is passed to each of them. */
  sendAll(messages: readonly SharedMessage[]): void
  send(text: string): void
}
