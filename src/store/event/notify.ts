import pg from 'pg'
import { type Connection, connectionOptions } from '../database.ts'

/**
 * What has moved, said after the commit and never inside it: a NOTIFY in a transaction halves commits. It is only a
 * hint; whoever misses one finds the change by its cursor or its lease renewal.
 */
export interface ChangeNotification {
  readonly organizations: readonly string[]
  readonly jobs: readonly string[]
}

const channel = 'reelpilot'
const coalesceMs = 10
/** A NOTIFY carries at most 8,000 bytes; beyond this many ids the jobs are left out and only the event cursor moves. */
const mostIds = 80

/** Gathers hints for some milliseconds and sends them as one. */
export function createChangeNotifier(connection: Connection): {
  send(change: ChangeNotification): void
  close(): Promise<void>
} {
  let organizations = new Set<string>()
  let jobs = new Set<string>()
  let timer: NodeJS.Timeout | undefined
  let sending: Promise<unknown> = Promise.resolve()

  const flush = () => {
    timer = undefined
    const all = [...organizations]
    const moved = [...jobs]
    organizations = new Set()
    jobs = new Set()
    for (let start = 0; start < Math.max(all.length, 1); start += mostIds) {
      const change: ChangeNotification = {
        organizations: all.slice(start, start + mostIds),
        jobs: start === 0 && moved.length <= mostIds ? moved : [],
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
      timer ??= setTimeout(flush, coalesceMs)
    },
    async close() {
      clearTimeout(timer)
      if (organizations.size > 0) flush()
      await sending
    },
  }
}

/** How often a listening connection is asked whether it is still there, and how long it may take to answer. */
const heartbeat = { everyMs: 5_000, deadlineMs: 5_000 }

/**
 * One listening connection a process. It comes back by itself, and says so by `onGap`: hints may have been missed. Nobody would
 * notice by listening alone that it has gone silent, so it is asked every few seconds.
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
      // Our own words come back; anybody else's on this channel are no hint.
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
    timer = setTimeout(() => beat(next), heartbeat.everyMs)
    handlers.onGap()
  }
  const beat = (current: pg.Client) => {
    const late = setTimeout(() => giveUp(current, new Error(silent)), heartbeat.deadlineMs)
    current.query('select').then(
      () => {
        clearTimeout(late)
        if (client === current) timer = setTimeout(() => beat(current), heartbeat.everyMs)
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
    // Says goodbye to nobody; the socket is given up for its silence.
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

/** As pg says it of a connection that is lost: what logs outages knows it. */
const silent = 'Connection terminated due to connection timeout'
