import { once } from 'node:events'
import path from 'node:path'
import { type Role, startApp } from '../app/app.ts'
import { shortPath } from '../app/data-directory.ts'
import { addOrganization, migrateDatabase, openDatabase } from '../app/database.ts'
import { rotateKeys } from '../app/keys.ts'
import { type Config, readConfig } from '../config.ts'
import { createFileLogger, createLogger, type Logger } from '../logger.ts'
import { explainDataDirectoryError, StartupError } from '../startup-error.ts'
import { createTerminal } from '../telemetry/terminal.ts'
import { answerBreakerRequest, readBreakerRequest } from './breaker.ts'
import { describeFindings, examine } from './doctor.ts'
import { addKey } from './key.ts'
import { describeQueues, redriveLetters } from './queues.ts'

const usage = `Usage: npm start [-- COMMAND]

  start     API, worker and, without DATABASE_URL, Postgres, in one process tree (the default)
  api       the GraphQL API alone
  worker    the worker alone: drives jobs and scans
  doctor    says what is wrong with the database, the disk, the keys and ffmpeg, and what to do; exits with 1 if anything is
  migrate   brings the database up to this build, and ends
  organization NAME
            creates an organization, prints its first API key, and ends
  key [ORGANIZATION]
            prints another API key of an organization, by its name or id if there are several, and ends
  keys rotate
            seals every token under a new key, and ends; see "Keys" in the README
  queues    says how the queues are, what lies in dead letters and what the queue has warned of
  redrive JOB|all
            sends what lies in open dead letters on its way again, and ends
  breaker   lists the circuit breakers: their state, since when, and failures in a row
  breaker open|closed KEY REASON
            holds a breaker open or closed until it is released, and ends
  breaker release KEY
            lets go of a breaker, and ends
`

const roles: Readonly<Record<string, readonly Role[]>> = {
  start: ['api', 'worker'],
  api: ['api'],
  worker: ['worker'],
}

/** A command with all that it works with. */
interface Call {
  readonly config: Config
  readonly log: Logger
  /** What was typed after the command. */
  readonly words: readonly string[]
  readonly ending: AbortSignal
}

export interface CommandOptions {
  /** What was typed after `npm start --`, the command first. */
  readonly words: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** Ends what serves, and cuts a start short. Other commands come to their end. */
  readonly ending: AbortSignal
}

/** Runs a command; answers the exit code. */
export async function runCommand({ words, environment, ending }: CommandOptions): Promise<number> {
  const [command = 'start', ...rest] = words
  if (command === '--help' || command === 'help') return say(usage, 0)
  let directory: string | undefined
  try {
    const config = readConfig(environment, process.stderr.isTTY === true)
    directory = config.dataDirectory
    const serving = roles[command]
    if (serving) return await serve(config, serving, ending)
    const log = createLogger(config.logLevel, config.pretty)
    return await perform(command, { config, log, words: rest, ending })
  } catch (error) {
    if (ending.aborted) return 0
    process.stderr.write(`${wordsOf(error, directory)}\n`)
    return 1
  }
}

/** A sentence for what is known; a stack for what is not, which is a mistake of ours. */
function wordsOf(error: unknown, directory: string | undefined): string {
  const known = directory === undefined ? error : explainDataDirectoryError(error, directory)
  if (!(known instanceof Error)) return String(known)
  return known instanceof StartupError ||
    ['DatabaseTooNew', 'DatabaseIncompatible', 'RoleMismatch'].includes(known.name)
    ? known.message
    : (known.stack ?? known.message)
}

/** Serves until the process shall end. Where a person watches, logs go to a file, and what they have to know of is told. */
async function serve(config: Config, serving: readonly Role[], ending: AbortSignal): Promise<number> {
  const terminal = createTerminal({ out: process.stdout, err: process.stderr })
  const isWatched = terminal.isLive && config.pretty
  const file = path.join(config.dataDirectory, 'reelpilot.log')
  if (isWatched) terminal.print(`  Log        ${shortPath(file)}`)
  const log = isWatched
    ? createFileLogger(config.logLevel, file, terminal.warn)
    : createLogger(config.logLevel, config.pretty)
  const app = await startApp({ config, roles: serving, log, terminal, ending })
  if (app.address) log.info(`the API listens on ${app.address}/graphql`)
  if (!ending.aborted) await once(ending, 'abort')
  if (isWatched) terminal.print('\n  Stopping: what is under way goes on at the next start …')
  log.info(`${ending.reason}: draining`)
  await app.stop()
  return 0
}

async function perform(command: string, call: Call): Promise<number> {
  switch (command) {
    case 'doctor':
      return await doctorOnly(call)
    case 'migrate':
      return await migrateOnly(call)
    case 'keys':
      return await keysOnly(call)
    case 'key':
      return await keyOnly(call)
    case 'organization':
      return await organizationOnly(call)
    case 'queues':
    case 'redrive':
      return await queuesOnly(command, call)
    case 'breaker':
      return await breakerOnly(call)
    default:
      return say(`There is no command "${command}".\n\n${usage}`, 2)
  }
}

/** Runs work on a database that is of this build. */
async function onDatabase(
  { config, log, ending }: Call,
  work: (url: string, applied: readonly string[]) => number | Promise<number>,
): Promise<number> {
  const database = await openDatabase(config, { print: (line) => process.stderr.write(`${line}\n`), ending })
  try {
    return await work(database.url, await migrateDatabase(database.url, log))
  } finally {
    await database.stop()
  }
}

async function doctorOnly({ config, ending }: Call): Promise<number> {
  const findings = await examine(config, ending)
  return say(describeFindings(findings), findings.some(({ problem }) => problem !== null) ? 1 : 0)
}

function migrateOnly(call: Call): Promise<number> {
  return onDatabase(call, (_url, applied) =>
    say(
      applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to do: the database is up to date.',
      0,
    ),
  )
}

async function organizationOnly(call: Call): Promise<number> {
  const name = call.words[0]?.trim() ?? ''
  if (name.length < 1 || name.length > 200)
    return say('Give the organization a name of 1 to 200 characters.', 2)
  return await onDatabase(call, async (url) => say(await addOrganization(url, name, call.log), 0))
}

function keyOnly(call: Call): Promise<number> {
  return onDatabase(call, async (url) => {
    const made = await addKey(url, call.words[0]?.trim() ?? '', call.log)
    return made.kind === 'made' ? say(made.key, 0) : say(made.why, 2)
  })
}

async function keysOnly(call: Call): Promise<number> {
  if (call.words[0] !== 'rotate') return say('Say what to do with the keys: `npm start -- keys rotate`.', 2)
  return await onDatabase(call, async (url) => say(await rotateKeys(call.config, url, call.log), 0))
}

async function queuesOnly(what: 'queues' | 'redrive', call: Call): Promise<number> {
  const { log } = call
  const [which] = call.words
  if (what === 'redrive' && !which)
    return say(
      'Say what to redrive: `npm start -- redrive JOB`, or `all`; `npm start -- queues` lists them.',
      2,
    )
  return await onDatabase(call, async (url) =>
    say(await (which && what === 'redrive' ? redriveLetters(url, which, log) : describeQueues(url, log)), 0),
  )
}

async function breakerOnly(call: Call): Promise<number> {
  const request = readBreakerRequest(call.words)
  if (request.kind === 'unreadable') return say(request.why, 2)
  return await onDatabase(call, async (url) => {
    const { text, code } = await answerBreakerRequest(url, request, call.log)
    return say(text, code)
  })
}

function say(text: string, code: number): number {
  const stream = code === 0 ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  return code
}
