import type { Logger } from '../logger.ts'
import { createBoss } from '../queue/boss.ts'
import type { Connection } from '../store/database.ts'
import { withRuntime } from './with-runtime.ts'

/** The maximum number of dead letters in a list, the oldest first. */
export const maxListedDeadLetters = 1_000

/** Runs a command's work with a started queue. */
export async function withQueue(
  url: string,
  command: string,
  log: Logger,
  work: (boss: ReturnType<typeof createBoss>, runtime: Connection) => Promise<string>,
): Promise<string> {
  return await withRuntime(url, command, log, async (runtime) => {
    const queueLog = log.child({ component: 'queue' })
    const boss = createBoss({
      url,
      role: 'reelpilot_runtime',
      name: `reelpilot ${command}`,
      supervises: false,
      onError: (error) => queueLog.warn({ err: error }, 'queue operation failed'),
    })
    try {
      await boss.start()
      return await work(boss, runtime)
    } finally {
      await boss.stop({ graceful: false })
    }
  })
}
