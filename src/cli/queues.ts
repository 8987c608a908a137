import { redriveJob } from '../commands/job/redrive-job.ts'
import { accountMachine, jobMachine } from '../definitions/machines.ts'
import { catalogueOf } from '../durable/machine.ts'
import type { Logger } from '../logger.ts'
import { createBoss } from '../queue/boss.ts'
import { queues } from '../queue/queue-settings.ts'
import { type Connection, connect } from '../store/database.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import { type DeadLetterRecord, listOpenDeadLetters } from '../store/job/dead-letters.ts'
import { listQueueWarnings } from '../store/job/queue-warnings.ts'
import { runCommand } from '../store/run-command.ts'

/** Far more than anybody reads; the oldest come first. */
const mostListed = 1_000

/** How the queues are, what lies in dead letters and what the queue has warned of, in words for the operator. */
export async function describeQueues(databaseUrl: string, log: Logger): Promise<string> {
  return await withQueue(databaseUrl, log, async (boss, { db }) => {
    const known = await boss.getQueues(Object.values(queues))
    const letters = await listOpenDeadLetters(db, mostListed)
    const warnings = await listQueueWarnings(db)
    return [
      row('queue', ['due', 'later', 'active', 'failed']),
      // As the workers counted them last, seconds ago.
      ...known.map(({ name, readyCount, deferredCount, activeCount, failedCount }) =>
        row(name, [readyCount, deferredCount, activeCount, failedCount]),
      ),
      '',
      letters.length === 0 ? 'There is no open dead letter.' : `Open dead letters: ${letters.length}`,
      ...letters.map(describeLetter),
      '',
      warnings.length === 0 ? 'The queue has warned of nothing in the last 30 days.' : 'Warnings of 30 days:',
      ...warnings.map(
        ({ type, count: seen, lastAt, message }) =>
          `  ${type}: ${seen} times, last at ${lastAt.toISOString()}: ${message}`,
      ),
    ].join('\n')
  })
}

/** Sends one job or account, or `all` that lie in open dead letters, on their way again. Answers what became of them. */
export async function redriveLetters(databaseUrl: string, which: string, log: Logger): Promise<string> {
  return await withQueue(databaseUrl, log, async (boss, connection) => {
    const deps = { boss, machines: catalogueOf([jobMachine, accountMachine]) }
    const letters = await listOpenDeadLetters(connection.db, mostListed)
    const chosen = letters.filter(({ instanceId: jobId }) => which === 'all' || jobId === which)
    if (chosen.length === 0) return 'There is no such open dead letter.'
    const notifications = createChangeNotifier(connection)
    const lines: string[] = []
    for (const { instanceId: jobId } of chosen) {
      const request = {
        organizationId: null,
        jobId,
        reason: 'By the operator, at the command line',
        by: null,
      }
      const redriven = await runCommand(connection.db, notifications, (tx) => redriveJob(tx, deps, request))
      lines.push(
        `${jobId}  ${redriven.kind === 'done' ? 'is on its way again' : `was not: ${redriven.kind}`}`,
      )
    }
    await notifications.close()
    return lines.join('\n')
  })
}

async function withQueue(
  url: string,
  log: Logger,
  work: (boss: ReturnType<typeof createBoss>, runtime: Connection) => Promise<string>,
): Promise<string> {
  const onError = (error: unknown) => log.warn({ err: error }, 'queue')
  const role = 'reelpilot_runtime'
  const runtime = connect(url, role, { max: 1, name: 'reelpilot queues', onError })
  const boss = createBoss({ url, role, name: 'reelpilot queues', supervises: false, onError })
  try {
    await boss.start()
    return await work(boss, runtime)
  } finally {
    await boss.stop({ graceful: false })
    await runtime.close()
  }
}

function row(name: string, cells: readonly (string | number)[]): string {
  return [name.padEnd(16), ...cells.map((cell) => String(cell).padStart(8))].join('')
}

function describeLetter({
  instanceId: jobId,
  machine,
  state,
  createdAt,
  attempts: tries,
  message,
}: DeadLetterRecord): string {
  return `  ${jobId}  ${machine} in ${state}, since ${createdAt.toISOString()}, tried ${tries} times: ${message}`
}
