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

/** Calls the listeners of a queue, for example after a notification that did not come from pg-boss. */
export function notifyQueue(boss: PgBoss, queue: string): void {
  for (const listener of listeners.get(boss)?.get(queue) ?? []) listener()
}

/** Calls the listeners of all queues: notifications may have been missed. */
export function notifyAllQueues(boss: PgBoss): void {
  for (const queue of listeners.get(boss)?.keys() ?? []) notifyQueue(boss, queue)
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
        notifyQueue(boss, queue)
      },
      () => {
        onReconnect()
        notifyAllQueues(boss)
      },
    )
}
