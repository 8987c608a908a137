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
  /** Changes a byte of what the client sends next after this many bytes of a connection. */
  damageAfter(bytes: number): void
  /** Closes the next connection on which the server answers, without the answer. */
  loseAnswer(): void
}

export async function startStorageProxy(endpoint: string): Promise<StorageProxy> {
  const upstream = new URL(endpoint)
  const port = await freePort()
  const sockets = new Set<Socket>()
  let stall: { readonly bytes: number; readonly done: () => void } | null = null

  let damageAt: number | null = null
  let isAnswerLost = false

  const open = async () => {
    const server = createServer((client) => {
      const target = connect(Number(upstream.port), upstream.hostname)
      let sent = 0
      client.on('data', (bytes) => {
        sent += bytes.length
        // Not the head of a request, which is small.
        if (damageAt !== null && sent > damageAt && bytes.length > 10_000) {
          damageAt = null
          const last = bytes.length - 1
          bytes.writeUInt8((bytes[last] ?? 0) ^ 1, last)
        }
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
      target.on('data', (bytes) => {
        if (!isAnswerLost) return void client.write(bytes)
        isAnswerLost = false
        client.destroy()
      })
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
    damageAfter: (bytes) => {
      damageAt = bytes
    },
    loseAnswer: () => {
      isAnswerLost = true
    },
    stallAfter: (bytes) =>
      new Promise((resolve) => {
        stall = { bytes, done: resolve }
      }),
  }
}
