import type { PgBoss } from 'pg-boss'

type Listener = () => void

const listeners = new WeakMap<PgBoss, Map<string, Set<Listener>>>()

/** Calls `listener` whenever a queue has new work, or notifications may have been missed. Returns a function that unsubscribes. */
export function onQueueNotification(boss: PgBoss, queue: string, listener: Listener): () => void {
  const ofQueue = listeners.get(boss)?.get(queue) ?? new Set()
  const byQueue = listeners.get(boss) ?? new Map<string, Set<Listener>>()
  listeners.set(boss, byQueue.set(queue, ofQueue.add(listener)))
  return () => void ofQueue.delete(listener)
}

/**
 * Shares the notifications that pg-boss receives by LISTEN. pg-boss passes them only to its own workers, each of which then queries the
 * database. Call it before `start`, which opens the listener through this interface.
 */
export function shareNotifications(boss: PgBoss): void {
  const database = boss.getDb()
  const listen = database.listen?.bind(database)
  if (!listen) return
  database.listen = (channel, onNotification, onReconnect) =>
    listen(
      channel,
      (queue) => {
        onNotification(queue)
        for (const listener of listeners.get(boss)?.get(queue) ?? []) listener()
      },
      () => {
        onReconnect()
        for (const ofQueue of listeners.get(boss)?.values() ?? []) for (const listener of ofQueue) listener()
      },
    )
}
