import { once } from 'node:events'
import { type Role, startApp } from './app.ts'
import { answerBreakerRequest, readBreakerRequest } from './breaker-command.ts'
import { type Config, readConfig } from './config.ts'
import { watchForEnd } from './ending.ts'
import { addOrganization, migrateDatabase, openDatabase } from './installation.ts'
import { addKey } from './key-command.ts'
import { rotateKeys } from './keys.ts'
import { describeQueues, redriveLetters } from './queues.ts'
import { dataDirectoryFailure, StartFailed } from './start-failure.ts'
import { createLogger, type Logger } from './telemetry/log.ts'

const usage = `Usage: npm start [-- COMMAND]

  start     API, worker and, without DATABASE_URL, Postgres, in one process tree (the default)
  api       the GraphQL API alone
  worker    the worker alone: drives jobs and scans
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

// Heard from the first moment: what comes while parts are still starting ends them as well, and a command ends in order.
const ending = watchForEnd({ isFromNpm: process.env.npm_lifecycle_event !== undefined })
/** The data directory, once it is known. */
let directory: string | undefined

/** Runs a command; answers the exit code. What serves does so until it shall end. */
async function main(command: string): Promise<number> {
  if (command === '--help' || command === 'help') return say(usage, 0)
  const config = readConfig(process.env, process.stderr.isTTY === true)
  directory = config.dataDirectory
  const log = createLogger(config.logLevel, config.pretty)
  if (command === 'migrate') return await migrateOnly(config, log)
  if (command === 'keys') return await keysOnly(config, log, process.argv[3] ?? '')
  if (command === 'key') return await keyOnly(config, log, process.argv[3]?.trim() ?? '')
  if (command === 'organization') return await organizationOnly(config, log, process.argv[3]?.trim() ?? '')
  if (command === 'queues' || command === 'redrive') return await queuesOnly(config, log, command)
  if (command === 'breaker') return await breakerOnly(config, log, process.argv.slice(3))
  const asked = roles[command]
  if (!asked) return say(`There is no command "${command}".\n\n${usage}`, 2)

  const app = await startApp({
    config,
    roles: asked,
    log,
    print: (line) => process.stdout.write(`${line}\n`),
    ending,
  })
  if (app.address) log.info(`the API listens on ${app.address}/graphql`)
  if (!ending.aborted) await once(ending, 'abort')
  log.info(`${ending.reason}: draining`)
  await app.stop()
  return 0
}

/** Runs work on a database that is of this build. */
async function onDatabase(
  config: Config,
  log: Logger,
  work: (url: string, applied: readonly string[]) => number | Promise<number>,
): Promise<number> {
  const database = await openDatabase(config, { print: (line) => process.stderr.write(`${line}\n`), ending })
  try {
    return await work(database.url, await migrateDatabase(database.url, log))
  } finally {
    await database.stop()
  }
}

function migrateOnly(config: Config, log: Logger): Promise<number> {
  return onDatabase(config, log, (_url, applied) =>
    say(
      applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to do: the database is up to date.',
      0,
    ),
  )
}

async function organizationOnly(config: Config, log: Logger, name: string): Promise<number> {
  if (name.length < 1 || name.length > 200)
    return say('Give the organization a name of 1 to 200 characters.', 2)
  return await onDatabase(config, log, async (url) => say(await addOrganization(url, name, log), 0))
}

function keyOnly(config: Config, log: Logger, organization: string): Promise<number> {
  return onDatabase(config, log, async (url) => {
    const made = await addKey(url, organization, log)
    return made.kind === 'made' ? say(made.key, 0) : say(made.why, 2)
  })
}

async function keysOnly(config: Config, log: Logger, what: string): Promise<number> {
  if (what !== 'rotate') return say('Say what to do with the keys: `npm start -- keys rotate`.', 2)
  return await onDatabase(config, log, async (url) => say(await rotateKeys(config, url, log), 0))
}

async function queuesOnly(config: Config, log: Logger, what: 'queues' | 'redrive'): Promise<number> {
  const which = process.argv[3]
  if (what === 'redrive' && !which)
    return say(
      'Say what to redrive: `npm start -- redrive JOB`, or `all`; `npm start -- queues` lists them.',
      2,
    )
  return await onDatabase(config, log, async (url) =>
    say(await (which && what === 'redrive' ? redriveLetters(url, which, log) : describeQueues(url, log)), 0),
  )
}

async function breakerOnly(config: Config, log: Logger, words: readonly string[]): Promise<number> {
  const request = readBreakerRequest(words)
  if (request.kind === 'unreadable') return say(request.why, 2)
  return await onDatabase(config, log, async (url) => {
    const { text, code } = await answerBreakerRequest(url, request, log)
    return say(text, code)
  })
}

function say(text: string, code: number): number {
  const stream = code === 0 ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  return code
}

try {
  process.exit(await main(process.argv[2] ?? 'start'))
} catch (error) {
  if (ending.aborted) process.exit(0)
  process.stderr.write(`${wordsOf(error)}\n`)
  process.exit(1)
}

/** A sentence for what is known; a stack for what is not, which is a mistake of ours. */
function wordsOf(error: unknown): string {
  const known = directory === undefined ? error : dataDirectoryFailure(error, directory)
  if (!(known instanceof Error)) return String(known)
  return known instanceof StartFailed || known.name === 'DatabaseTooNew'
    ? known.message
    : (known.stack ?? known.message)
}
