import type { Config } from '../config.ts'

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
  /** Imports what runs the command: the help and the other commands do not wait for it. */
  readonly load: () => Promise<RunCommand>
}

/** Returns the exit code. Throws `UsageError` for arguments that it cannot use. */
export type RunCommand = (call: CommandCall) => Promise<number>

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
