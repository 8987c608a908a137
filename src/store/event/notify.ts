import pg from 'pg'
import { type Connection, connectionOptions } from '../database.ts'

/**
 * A NOTIFY message about committed changes. It is sent after the commit, because a NOTIFY inside the transaction halves the commit rate.
 * Losing one is harmless: subscribers find the change by their cursor, workers by their lease renewal.
 */
export interface ChangeNotification {
  readonly organizations: readonly string[]
  readonly jobs: readonly string[]
  /** Queues with new work that is due. */
  readonly queues?: readonly string[]
}

const channel = 'reelpilot'
const coalesceMs = 10
/** A NOTIFY carries at most 8,000 bytes. With more jobs than this, the jobs are omitted; subscribers read the events. */
const maxIds = 80

/**
 * Sends a change notification at once, and collects those of the next 10 ms into one. A busy process then sends at most 100 a second:
 * each one is a commit. Waiting before the first as well would delay every change of an idle system by those 10 ms.
 */
export function createChangeNotifier(connection: Connection): {
  send(change: ChangeNotification): void
  close(): Promise<void>
} {
  let organizations = new Set<string>()
  let jobs = new Set<string>()
  let queues = new Set<string>()
  const isEmpty = () => organizations.size + jobs.size + queues.size === 0
  let isScheduled = false
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<unknown> = Promise.resolve()

  const flush = () => {
    timer = setTimeout(() => {
      timer = undefined
      if (!isEmpty()) flush()
    }, coalesceMs)
    const all = [...organizations]
    const changed = [...jobs]
    const queued = [...queues]
    organizations = new Set()
    jobs = new Set()
    queues = new Set()
    for (let start = 0; start < Math.max(all.length, 1); start += maxIds) {
      const change: ChangeNotification = {
        organizations: all.slice(start, start + maxIds),
        jobs: start === 0 && changed.length <= maxIds ? changed : [],
        ...(start === 0 && queued.length > 0 && { queues: queued }),
      }
      sending = connection.pool
        .query('select pg_notify($1, $2)', [channel, JSON.stringify(change)])
        .catch(() => undefined)
    }
  }
  return {
    send(change) {
      for (const id of change.organizations) organizations.add(id)
      for (const id of change.jobs) jobs.add(id)
      for (const name of change.queues ?? []) queues.add(name)
      if (timer !== undefined || isScheduled) return
      isScheduled = true
      // Transactions of one group report their commits one after the other in the same turn of the event loop.
      setImmediate(() => {
        isScheduled = false
        if (timer === undefined && !isEmpty()) flush()
      })
    },
    async close() {
      if (!isEmpty()) flush()
      clearTimeout(timer)
      timer = undefined
      await sending
    },
  }
}

/** How often the listening connection is tested, and how long its answer may take. */
const heartbeat = { intervalMs: 5_000, deadlineMs: 5_000 }

/**
 * Listens for change notifications on one connection per process. It reconnects when the connection is lost and then calls `onGap`:
 * notifications may have been missed. Listening alone would not detect a dead connection, so it is tested every few seconds.
 */
export async function listenForChanges(
  url: string,
  handlers: { onChange(change: ChangeNotification): void; onGap(): void; onError(error: unknown): void },
): Promise<{ close(): Promise<void> }> {
  let closed = false
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined

  const open = async (): Promise<void> => {
    const options = connectionOptions(url, 'reelpilot_api', 'reelpilot notifications')
    const next = new pg.Client(options)
    next.on('error', handlers.onError)
    next.on('notification', ({ payload }) => {
      // Another program may use the channel; its messages do not parse.
      try {
        handlers.onChange(JSON.parse(payload ?? '') as ChangeNotification)
      } catch (error) {
        handlers.onError(error)
      }
    })
    try {
      await next.connect()
      await options.onConnect(next)
      await next.query(`listen ${channel}`)
    } catch (error) {
      void next.end().catch(() => undefined)
      throw error
    }
    if (closed) return await next.end()
    client = next
    next.on('end', () => {
      if (client === next) reopen()
    })
    timer = setTimeout(() => testConnection(next), heartbeat.intervalMs)
    handlers.onGap()
  }
  const testConnection = (current: pg.Client) => {
    const late = setTimeout(() => giveUp(current, new Error(connectionTimedOut)), heartbeat.deadlineMs)
    current.query('select').then(
      () => {
        clearTimeout(late)
        if (client === current) timer = setTimeout(() => testConnection(current), heartbeat.intervalMs)
      },
      (error) => {
        clearTimeout(late)
        giveUp(current, error)
      },
    )
  }
  const giveUp = (current: pg.Client, error: unknown) => {
    if (client !== current) return
    handlers.onError(error)
    reopen()
    // The server may be gone; the socket's timeout destroys it then.
    void current.end().catch(() => undefined)
  }
  const reopen = () => {
    client = undefined
    clearTimeout(timer)
    if (closed) return
    timer = setTimeout(() => {
      open().catch((error) => {
        handlers.onError(error)
        reopen()
      })
    }, 500)
  }
  await open()
  return {
    async close() {
      closed = true
      clearTimeout(timer)
      const last = client
      client = undefined
      await last?.end()
    },
  }
}

/** The message of pg for a lost connection, which `asUnavailable` recognizes. */
const connectionTimedOut = 'Connection terminated due to connection timeout'
