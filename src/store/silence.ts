import { Socket } from 'node:net'

/** How long a connection may say nothing. A statement of the working roles takes less; idle ones are closed before. */
export const longestSilenceMs = 15_000

/** A connection whose other side is gone without a word: the power or the way to it was lost. */
class ConnectionSilent extends Error {
  override readonly name = 'ConnectionSilent'
  readonly code = 'ETIMEDOUT'
}

/**
 * A socket that is given up when nothing came or went for so long. Keepalive alone does not do: it does not probe while something
 * that was sent is not acknowledged, and then the system goes on sending for a quarter of an hour.
 */
export function createMortalSocket(silenceMs: number): Socket {
  const socket = new Socket()
  socket.setTimeout(silenceMs, () =>
    socket.destroy(new ConnectionSilent(`the database has said nothing for ${silenceMs / 1_000} s`)),
  )
  return socket
}
