import { redriveJob } from '../commands/job/redrive-job.ts'
import { accountMachine, jobMachine } from '../definitions/machines.ts'
import { catalogueOf } from '../durable/machine.ts'
import type { Logger } from '../logger.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import { listOpenDeadLetters } from '../store/job/dead-letters.ts'
import { runCommand } from '../store/run-command.ts'
import { type CommandCall, print } from './command.ts'
import { onDatabase } from './on-database.ts'
import { maxListedDeadLetters, withQueue } from './with-queue.ts'

export function runRedrive(call: CommandCall): Promise<number> {
  return onDatabase(call, async (url, log) => print(await redriveDeadLetters(url, call.words[0] ?? '', log)))
}

/** Redrives one job or account, or `all` with an open dead letter. Returns a line for each. */
export async function redriveDeadLetters(databaseUrl: string, which: string, log: Logger): Promise<string> {
  return await withQueue(databaseUrl, 'redrive', log, async (boss, connection) => {
    const deps = { boss, machines: catalogueOf([jobMachine, accountMachine]) }
    const deadLetters = await listOpenDeadLetters(connection.db, maxListedDeadLetters)
    const chosen = deadLetters.filter(({ instanceId }) => which === 'all' || instanceId === which)
    if (chosen.length === 0) return 'There is no such open dead letter.'
    const notifications = createChangeNotifier(connection)
    const lines: string[] = []
    for (const { instanceId } of chosen) {
      const request = {
        organizationId: null,
        jobId: instanceId,
        reason: 'By the operator, at the command line',
        by: null,
      }
      const result = await runCommand(connection.db, notifications, (tx) => redriveJob(tx, deps, request))
      lines.push(`${instanceId}  ${result.kind === 'done' ? 'redriven' : `not redriven: ${result.kind}`}`)
    }
    await notifications.close()
    return lines.join('\n')
  })
}
