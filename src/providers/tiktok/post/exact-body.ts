import { ReadableStream } from 'node:stream/web'

/** Bytes at hand, or a stream of them. A ReadableStream and a Node stream are both such iterables. */
export type ChunkBody = Uint8Array | AsyncIterable<Uint8Array>

/**
 * A request body that holds its source to a promised length, and remembers what went wrong in it: `fetch` reports a
 * failing source and a failing network with the same error.
 */
export function exactBody(source: ChunkBody, length: number) {
  let fault: { readonly error: unknown } | undefined

  async function* counted(): AsyncGenerator<Uint8Array> {
    let sent = 0
    try {
      for await (const part of source instanceof Uint8Array ? [source] : source) {
        sent += part.byteLength
        if (sent > length) break
        yield part
      }
      if (sent !== length) throw new RangeError(`the chunk has ${sent} bytes, its range ${length}`)
    } catch (error) {
      fault = { error }
      throw error
    }
  }

  return { stream: ReadableStream.from(counted()), fault: () => fault }
}
