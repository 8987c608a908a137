import type { CommandDeps } from '../../src/commands/command-deps.ts'
import { accountMachine, jobMachine, mediaMachine, planMachine } from '../../src/definitions/machines.ts'
import { catalogueOf } from '../../src/durable/machine.ts'
import { createBoss } from '../../src/queue/boss.ts'
import { afterFile } from './after-file.ts'
import type { TestDatabase } from './database.ts'

/** The dependencies of commands, with the role of the runtime. They are stopped after the file's tests. */
export async function createCommandDeps({ url }: TestDatabase): Promise<CommandDeps> {
  const boss = createBoss({
    url,
    role: 'reelpilot_runtime',
    name: 'test commands',
    supervises: false,
    onError: () => undefined,
  })
  await boss.start()
  afterFile(() => boss.stop({ graceful: false }))
  return { boss, machines: catalogueOf([jobMachine, planMachine, accountMachine, mediaMachine]) }
}
