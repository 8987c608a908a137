import { migrateDatabase, openDatabase } from '../app/database.ts'
import { createLogger, type Logger } from '../logger.ts'
import type { CommandCall } from './command.ts'

/** Runs work on the database after migrating it to this build. */
export async function onDatabase(
  { config, shutdown }: CommandCall,
  work: (url: string, log: Logger, applied: readonly string[]) => number | Promise<number>,
): Promise<number> {
  const log = createLogger(config.logLevel, config.pretty)
  const database = await openDatabase(config, {
    print: (line) => process.stderr.write(`${line}\n`),
    shutdown,
  })
  try {
    return await work(database.url, log, await migrateDatabase(database.url, log))
  } finally {
    await database.stop()
  }
}
