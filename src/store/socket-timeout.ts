import { Socket } from 'node:net'

/** Longer than any statement of the working roles takes. Idle connections are closed earlier. */
export const socketTimeoutMs = 15_000

class ConnectionTimedOut extends Error {
  override readonly name = 'ConnectionTimedOut'
  readonly code = 'ETIMEDOUT'
}

/**
 * Creates a socket that is destroyed after a time without traffic, because the other side may have lost power or its network.
 * Keepalive alone is not enough: it does not probe while sent data is unacknowledged, and the system then retransmits for 15 minutes.
 */
export function createSocketWithTimeout(timeoutMs: number): Socket {
  const socket = new Socket()
  socket.setTimeout(timeoutMs, () =>
    socket.destroy(
      new ConnectionTimedOut(`the connection to the database had no traffic for ${timeoutMs / 1_000} s`),
    ),
  )
  return socket
}
