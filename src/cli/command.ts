import { migrateDatabase, openDatabase } from '../app/database.ts'
import type { Config } from '../config.ts'
import { createLogger, type Logger } from '../logger.ts'

/** A command of `npm start -- COMMAND`. */
export interface Command {
  readonly name: string
  /** The arguments as the help shows them, such as `JOB|all`. Default: none. */
  readonly usage?: string
  /** One line of help. */
  readonly summary: string
  /** The names of the required arguments, in order. */
  readonly required?: readonly string[]
  /** Default: the number of `required` arguments. */
  readonly maxArguments?: number
  /** Returns the exit code. Throws `UsageError` for arguments that it cannot use. */
  run(call: CommandCall): Promise<number>
}

export interface CommandCall {
  readonly config: Config
  /** The arguments after the command's name. */
  readonly words: readonly string[]
  /** Ends a serving command and aborts a start. Other commands run to their end. */
  readonly shutdown: AbortSignal
}

/** Arguments that a command cannot use. The command line prints the message with the help and exits with code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Prints a command's result: on the standard output if it succeeded (code 0), otherwise on the standard error. */
export function print(text: string, code = 0): number {
  const stream = code === 0 ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  return code
}

export function commandLogger({ config }: Pick<CommandCall, 'config'>): Logger {
  return createLogger(config.logLevel, config.pretty)
}

/** Runs work on the database after migrating it to this build. */
export async function onDatabase(
  call: CommandCall,
  work: (url: string, log: Logger, applied: readonly string[]) => number | Promise<number>,
): Promise<number> {
  const { config, shutdown } = call
  const log = commandLogger(call)
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
