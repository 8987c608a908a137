import type { Logger } from '../logger.ts'
import { queues } from '../queue/queue-settings.ts'
import { type DeadLetterRecord, listOpenDeadLetters } from '../store/job/dead-letters.ts'
import { listQueueWarnings } from '../store/job/queue-warnings.ts'
import { type CommandCall, print } from './command.ts'
import { onDatabase } from './on-database.ts'
import { maxListedDeadLetters, withQueue } from './with-queue.ts'

export function runQueues(call: CommandCall): Promise<number> {
  return onDatabase(call, async (url, log) => print(await describeQueues(url, log)))
}

/** Describes the queues, the open dead letters and the warnings of the last 30 days. */
export async function describeQueues(databaseUrl: string, log: Logger): Promise<string> {
  return await withQueue(databaseUrl, 'queues', log, async (boss, { db }) => {
    const known = await boss.getQueues(Object.values(queues))
    const deadLetters = await listOpenDeadLetters(db, maxListedDeadLetters)
    const warnings = await listQueueWarnings(db)
    return [
      row('queue', ['due', 'deferred', 'active', 'failed']),
      // The workers counted these some seconds ago.
      ...known.map(({ name, readyCount, deferredCount, activeCount, failedCount }) =>
        row(name, [readyCount, deferredCount, activeCount, failedCount]),
      ),
      '',
      deadLetters.length === 0 ? 'No open dead letters.' : `Open dead letters: ${deadLetters.length}`,
      ...deadLetters.map(describeDeadLetter),
      '',
      warnings.length === 0
        ? 'No queue warnings in the last 30 days.'
        : 'Queue warnings in the last 30 days:',
      ...warnings.map(
        ({ type, count, lastAt, message }) =>
          `  ${type}: ${count} times, last at ${lastAt.toISOString()}: ${message}`,
      ),
    ].join('\n')
  })
}

function row(name: string, cells: readonly (string | number)[]): string {
  return [name.padEnd(16), ...cells.map((cell) => String(cell).padStart(8))].join('')
}

function describeDeadLetter({
  instanceId,
  machine,
  state,
  createdAt,
  attempts,
  message,
}: DeadLetterRecord): string {
  return `  ${instanceId}  ${machine} in ${state}, since ${createdAt.toISOString()}, after ${attempts} attempts: ${message}`
}
