import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** A moment in the transaction of a mutation, recognised in the traffic with Postgres. */
export type Moment =
  /** The key is about to be claimed. */
  | 'claiming'
  /** The key is claimed and the job is about to be written. */
  | 'working'
  /** Everything is written and the commit is about to be sent. */
  | 'committing'
  /** Postgres has committed and the client does not know it yet. */
  | 'committed'

export interface PostgresProxy {
  /** The database's URL through the proxy. */
  readonly url: string
  /** At the next such moment the connection stops forwarding and `then` is called. Resolves after that. */
  stopAt(moment: Moment, then: () => void): Promise<void>
  /** Stops forwarding on all open connections without closing them, like a lost network. */
  goSilent(): void
  /** The number of connections opened since `goSilent`. */
  openedSince(): number
  close(): Promise<void>
}

/** Starts a proxy between a process and Postgres that follows the progress of mutations. */
export async function startPostgresProxy(databaseUrl: string): Promise<PostgresProxy> {
  const upstream = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const silencers = new Set<() => void>()
  let opened = 0
  let armed: { readonly moment: Moment; readonly stop: () => void } | null = null

  const isNow = (moment: Moment): boolean => {
    if (armed?.moment !== moment) return false
    const { stop } = armed
    armed = null
    stop()
    return true
  }
  const server = createServer((client) => {
    const postgres = connect(Number(upstream.port), upstream.hostname)
    let isClaimed = false
    let isCommitting = false
    let isStopped = false
    opened += 1
    silencers.add(() => {
      isStopped = true
    })
    client.on('data', (bytes) => {
      const sent = bytes.toString('latin1')
      if (sent.includes('claim_idempotency_key')) isClaimed = true
      isCommitting ||= isClaimed && sent.includes('commit\0')
      isStopped ||=
        (sent.includes('claim_idempotency_key') && isNow('claiming')) ||
        (isClaimed && sent.includes('insert into "machine_instance"') && isNow('working')) ||
        (isCommitting && isNow('committing'))
      if (!isStopped) postgres.write(bytes)
    })
    postgres.on('data', (bytes) => {
      const isCommitted = isCommitting && bytes.toString('latin1').includes('COMMIT\0')
      isStopped ||= isCommitted && isNow('committed')
      if (isCommitted) isClaimed = isCommitting = false
      if (!isStopped) client.write(bytes)
    })
    for (const [socket, other] of [
      [client, postgres],
      [postgres, client],
    ] as const) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  const url = new URL(databaseUrl)
  url.host = `127.0.0.1:${address.port}`

  return {
    url: url.href,
    stopAt: (moment, then) =>
      new Promise((resolve) => {
        const stop = () => {
          then()
          resolve()
        }
        armed = { moment, stop }
      }),
    goSilent() {
      for (const silence of silencers) silence()
      silencers.clear()
      opened = 0
    },
    openedSince: () => opened,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
