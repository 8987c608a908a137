import { parseArgs } from 'node:util'
import type { Role } from '../app/app.ts'
import { readConfig } from '../config.ts'
import { explainDataDirectoryError, StartupError } from '../startup-error.ts'
import { type Command, print, type RunCommand, UsageError } from './command.ts'

const commands: readonly Command[] = [
  {
    name: 'start',
    summary: 'runs the API, the worker and, without DATABASE_URL, Postgres (the default)',
    load: loadServe(['api', 'worker']),
  },
  {
    name: 'api',
    summary: 'runs the GraphQL API alone',
    load: loadServe(['api']),
  },
  {
    name: 'worker',
    summary: 'runs the worker alone: it drives jobs and scans for due slots',
    load: loadServe(['worker']),
  },
  {
    name: 'doctor',
    summary: 'checks the database, the disk, the keys and ffmpeg; exits with 1 if one has a problem',
    load: async () => (await import('./doctor.ts')).runDoctor,
  },
  {
    name: 'migrate',
    summary: 'migrates the database to this build',
    load: async () => (await import('./migrate.ts')).runMigrate,
  },
  {
    name: 'organization',
    usage: 'NAME',
    summary: 'creates an organization and prints its first API key',
    required: ['NAME'],
    load: async () => (await import('./organization.ts')).runOrganization,
  },
  {
    name: 'key',
    usage: '[ORGANIZATION]',
    summary: 'prints another API key of an organization, named by name or id if there are several',
    maxArguments: 1,
    load: async () => (await import('./key.ts')).runKey,
  },
  {
    name: 'keys',
    usage: 'rotate',
    summary: 'seals every token under a new key; see "Rotate keys" in docs/operations.md',
    required: ['rotate'],
    load: async () => (await import('./keys.ts')).runKeys,
  },
  {
    name: 'queues',
    summary: 'lists the queues, the open dead letters and the warnings of the queue',
    load: async () => (await import('./queues.ts')).runQueues,
  },
  {
    name: 'redrive',
    usage: 'JOB|all',
    summary: 'redrives a job or account, or all, from the open dead letters',
    required: ['JOB|all'],
    load: async () => (await import('./redrive.ts')).runRedrive,
  },
  {
    name: 'storage',
    usage: 'check | move bucket|disk',
    summary:
      'compares the stored files with the database, or copies them to the bucket or to the data directory',
    maxArguments: 2,
    load: async () => (await import('./storage.ts')).runStorage,
  },
  {
    name: 'breaker',
    usage: '[open|closed KEY REASON | release KEY]',
    summary: 'lists the circuit breakers, holds one open or closed, or releases it',
    maxArguments: Number.POSITIVE_INFINITY,
    load: async () => (await import('./breaker.ts')).runBreaker,
  },
]

function loadServe(roles: readonly Role[]): () => Promise<RunCommand> {
  return async () => {
    const { serve } = await import('./serve.ts')
    return (call) => serve(call, roles)
  }
}

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
    const run = await parsed.command.load()
    return await run({ config, words: parsed.words, shutdown })
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
  const command = commands.find((known) => known.name === (name ?? 'start'))
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
