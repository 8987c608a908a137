import { parseArgs } from 'node:util'
import { readConfig } from '../config.ts'
import { explainDataDirectoryError, StartupError } from '../startup-error.ts'
import { breakerCommand } from './breaker.ts'
import { type Command, print, UsageError } from './command.ts'
import { doctorCommand } from './doctor.ts'
import { keyCommand } from './key.ts'
import { keysCommand } from './keys.ts'
import { migrateCommand } from './migrate.ts'
import { organizationCommand } from './organization.ts'
import { queuesCommand } from './queues.ts'
import { redriveCommand } from './redrive.ts'
import { apiCommand, startCommand, workerCommand } from './serve.ts'

const commands: readonly Command[] = [
  startCommand,
  apiCommand,
  workerCommand,
  doctorCommand,
  migrateCommand,
  organizationCommand,
  keyCommand,
  keysCommand,
  queuesCommand,
  redriveCommand,
  breakerCommand,
]

export interface CommandLineOptions {
  /** The words after `npm start --`. */
  readonly words: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly shutdown: AbortSignal
}

/** Runs a command. Returns the exit code: 0 done, 1 failed, 2 used wrongly. */
export async function runCommandLine({ words, environment, shutdown }: CommandLineOptions): Promise<number> {
  let dataDirectory: string | undefined
  try {
    const parsed = parseCommandLine(words)
    if (parsed.kind === 'help') return print(parsed.text)
    const config = readConfig(environment, process.stderr.isTTY === true)
    dataDirectory = config.dataDirectory
    return await parsed.command.run({ config, words: parsed.words, shutdown })
  } catch (error) {
    if (shutdown.aborted) return 0
    if (error instanceof UsageError) return print(`${error.message}\n\n${help()}`, 2)
    return print(messageOf(error, dataDirectory), 1)
  }
}

export type ParsedCommandLine =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'command'; readonly command: Command; readonly words: readonly string[] }

/** Throws `UsageError` for an unknown command or option and for a wrong number of arguments. */
export function parseCommandLine(words: readonly string[]): ParsedCommandLine {
  const { values, positionals } = parseWords(words)
  const [name, ...rest] = positionals
  if (name === 'help' || (name === undefined && values.help)) return { kind: 'help', text: help() }
  const command = name === undefined ? startCommand : commands.find((known) => known.name === name)
  if (!command) throw new UsageError(`There is no command "${name}".`)
  if (values.help) return { kind: 'help', text: helpOf(command) }

  const { required = [], maxArguments = required.length } = command
  const missing = required[rest.length]
  if (missing !== undefined)
    throw new UsageError(`Missing argument ${missing}: \`${invocationOf(command)}\`.`)
  const surplus = rest[maxArguments]
  if (surplus !== undefined)
    throw new UsageError(`Unexpected argument "${surplus}": \`${invocationOf(command)}\`.`)
  return { kind: 'command', command, words: rest }
}

function parseWords(words: readonly string[]) {
  try {
    const options = { help: { type: 'boolean', short: 'h' } } as const
    return parseArgs({ args: [...words], options, allowPositionals: true })
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message)
    throw error
  }
}

const invocationOf = ({ name, usage }: Command) => `npm start -- ${[name, usage].filter(Boolean).join(' ')}`

function help(): string {
  return [
    'Usage: npm start [-- COMMAND]',
    '',
    ...commands.flatMap(({ name, usage, summary }) =>
      usage === undefined
        ? [`  ${name.padEnd(10)}${summary}`]
        : [`  ${name} ${usage}`, `${' '.repeat(12)}${summary}`],
    ),
    '',
    '`npm start -- COMMAND --help` describes one command.',
  ].join('\n')
}

function helpOf(command: Command): string {
  return `Usage: ${invocationOf(command)}\n\n${command.name}: ${command.summary}.`
}

/** The message of a known error; the stack of any other, which is a bug. */
function messageOf(error: unknown, dataDirectory: string | undefined): string {
  const known = dataDirectory === undefined ? error : explainDataDirectoryError(error, dataDirectory)
  if (!(known instanceof Error)) return String(known)
  return known instanceof StartupError ||
    ['DatabaseTooNew', 'DatabaseIncompatible', 'RoleMismatch'].includes(known.name)
    ? known.message
    : (known.stack ?? known.message)
}
