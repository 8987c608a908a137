import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { freePort } from '../free-port.ts'

/** A connection to an S3 server that a test may cut. */
export interface StorageProxy {
  readonly endpoint: string
  /** Cuts all connections and accepts none until `start`. */
  stop(): Promise<void>
  start(): Promise<void>
  /** Stops forwarding on the next connection on which the client has sent this many bytes, and resolves then. */
  stallAfter(bytes: number): Promise<void>
}

export async function startStorageProxy(endpoint: string): Promise<StorageProxy> {
  const upstream = new URL(endpoint)
  const port = await freePort()
  const sockets = new Set<Socket>()
  let stall: { readonly bytes: number; readonly done: () => void } | null = null

  const open = async () => {
    const server = createServer((client) => {
      const target = connect(Number(upstream.port), upstream.hostname)
      let sent = 0
      client.on('data', (bytes) => {
        sent += bytes.length
        if (stall && sent >= stall.bytes) {
          const { done } = stall
          stall = null
          client.pause()
          done()
        } else if (!target.write(bytes)) {
          client.pause()
          target.once('drain', () => client.resume())
        }
      })
      target.pipe(client)
      for (const [socket, other] of [
        [client, target],
        [target, client],
      ] as const) {
        sockets.add(socket)
        socket.on('error', () => undefined)
        socket.on('close', () => {
          sockets.delete(socket)
          other.destroy()
        })
      }
    })
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return server
  }
  let server: Awaited<ReturnType<typeof open>> | null = await open()
  const stop = async () => {
    if (!server) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
    server = null
  }
  onTestFinished(stop)
  return {
    endpoint: `http://127.0.0.1:${port}`,
    stop,
    async start() {
      server ??= await open()
    },
    stallAfter: (bytes) =>
      new Promise((resolve) => {
        stall = { bytes, done: resolve }
      }),
  }
}
