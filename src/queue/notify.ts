import type { PgBoss } from 'pg-boss'

type Look = () => void

const lookers = new WeakMap<PgBoss, Map<string, Set<Look>>>()

/** Calls `look` whenever a queue has something new, or may have had it unheard. Answers how to stop that. */
export function onQueueNotification(boss: PgBoss, queue: string, look: Look): () => void {
  const looks = lookers.get(boss)?.get(queue) ?? new Set()
  const byQueue = lookers.get(boss) ?? new Map<string, Set<Look>>()
  lookers.set(boss, byQueue.set(queue, looks.add(look)))
  return () => void looks.delete(look)
}

/**
 * Lets others hear what pg-boss hears by LISTEN: it tells its own workers only, each of which then asks the database. To be
 * called before `start`, which opens the listener through this very interface.
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
        for (const look of lookers.get(boss)?.get(queue) ?? []) look()
      },
      () => {
        onReconnect()
        for (const looks of lookers.get(boss)?.values() ?? []) for (const look of looks) look()
      },
    )
}
