import { type Db, inOrganization, type Tx } from './database.ts'
import { type Changes, collectChanges } from './event/changes.ts'
import type { ChangeNotification } from './event/notify.ts'

/** Sends change notifications to the other processes. */
export interface Notifier {
  send(notification: ChangeNotification): void
}

/**
 * Runs a command in one transaction. After the commit it notifies of every event that was appended, every transition that was
 * committed and every wake-up that was queued in it; a command that throws is rolled back and sends nothing.
 */
export function runCommand<Result>(
  db: Db,
  notifier: Notifier,
  command: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  return notifyAfter((work) => db.transaction().execute(work), notifier, command)
}

/** Like `runCommand`, inside row-level security: see `inOrganization`. */
export function runOrganizationCommand<Result>(
  db: Db,
  organizationId: string,
  notifier: Notifier,
  command: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  return notifyAfter((work) => inOrganization(db, organizationId, work), notifier, command)
}

interface Changed<Result> {
  readonly result: Result
  readonly changes: Changes
}

async function notifyAfter<Result>(
  transact: (work: (tx: Tx) => Promise<Changed<Result>>) => Promise<Changed<Result>>,
  notifier: Notifier,
  command: (tx: Tx) => Promise<Result>,
): Promise<Result> {
  const { result, changes } = await transact(async (tx) => {
    const changes = collectChanges(tx)
    return { result: await command(tx), changes }
  })
  const { organizationIds, instanceIds, queues } = changes
  if (organizationIds.size + queues.size > 0)
    notifier.send({
      organizations: [...organizationIds],
      jobs: [...instanceIds],
      ...(queues.size > 0 && { queues: [...queues] }),
    })
  return result
}
