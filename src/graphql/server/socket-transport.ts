import type { WebSocket } from 'ws'
import type { SharedMessage, Transport } from '../events/transport.ts'

/** Writes the results of one subscription to a WebSocket as `next` messages of graphql-transport-ws. */
export class SocketTransport implements Transport {
  readonly #socket: WebSocket
  readonly #prefix: string

  constructor(socket: WebSocket, subscriptionId: string) {
    this.#socket = socket
    this.#prefix = `{"id":${JSON.stringify(subscriptionId)},"type":"next","payload":`
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount
  }

  sendAll(messages: readonly SharedMessage[]): void {
    for (const { text } of messages) if (text !== undefined) this.send(text)
  }

  send(text: string): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(`${this.#prefix}${text}}`)
  }
}
