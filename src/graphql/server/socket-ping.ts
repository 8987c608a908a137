import type { WebSocket, WebSocketServer } from 'ws'

const intervalMs = 12_000

/** Pings all sockets regularly and terminates those that have not answered by the next time. Returns what stops it. */
export function pingSockets(sockets: WebSocketServer): () => void {
  const waiting = new WeakSet<WebSocket>()
  function answered(this: WebSocket) {
    waiting.delete(this)
  }
  sockets.on('connection', (socket) => socket.on('pong', answered))
  const timer = setInterval(() => {
    for (const socket of sockets.clients) {
      if (waiting.has(socket)) socket.terminate()
      else if (socket.readyState === socket.OPEN) {
        waiting.add(socket)
        socket.ping()
      }
    }
  }, intervalMs)
  return () => clearInterval(timer)
}
