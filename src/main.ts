import { type Role, startApp } from './app.ts'
import { answerBreakerRequest, readBreakerRequest } from './breaker-command.ts'
import { type Config, ConfigInvalid, readConfig } from './config.ts'
import { addOrganization, migrateDatabase, openDatabase } from './installation.ts'
import { rotateKeys } from './keys.ts'
import { describeQueues, redriveLetters } from './queues.ts'
import { createLogger, type Logger } from './telemetry/log.ts'

const usage = `Usage: npm start [-- COMMAND]

  start     API, worker and, without DATABASE_URL, Postgres, in one process tree (the default)
  api       the GraphQL API alone
  worker    the worker alone: drives jobs and scans
  migrate   brings the database up to this build, and ends
  organization NAME
            creates an organization, prints its first API key, and ends
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

/** Runs a command; answers the exit code, or null while it serves. */
async function main(command: string): Promise<number | null> {
  if (command === '--help' || command === 'help') return say(usage, 0)
  const config = readConfig(process.env, process.stderr.isTTY === true)
  const log = createLogger(config.logLevel, config.pretty)
  if (command === 'migrate') return await migrateOnly(config, log)
  if (command === 'keys') return await keysOnly(config, log, process.argv[3] ?? '')
  if (command === 'organization') return await organizationOnly(config, log, process.argv[3]?.trim() ?? '')
  if (command === 'queues' || command === 'redrive') return await queuesOnly(config, log, command)
  if (command === 'breaker') return await breakerOnly(config, log, process.argv.slice(3))
  const asked = roles[command]
  if (!asked) return say(`There is no command "${command}".\n\n${usage}`, 2)

  // Heard from the first moment: a signal that comes while parts are still starting drains them as well.
  const signalled = firstSignal()
  const app = await startApp(config, asked, log, (line) => process.stdout.write(`${line}\n`))
  if (app.address) log.info(`the API listens on ${app.address}/graphql`)
  signalled
    .then((signal) => {
      log.info(`${signal}: draining`)
      return app.stop()
    })
    .then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'stopping')
        process.exit(1)
      },
    )
  return null
}

/**
 * The first SIGTERM or SIGINT. Later ones change nothing: a second one from the terminal must not cut the drain short;
 * SIGKILL always can, and loses nothing.
 */
function firstSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, resolve)
  })
}

async function migrateOnly(config: Config, log: Logger): Promise<number> {
  const database = await openDatabase(config)
  try {
    const applied = await migrateDatabase(database.url, log)
    return say(
      applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to do: the database is up to date.',
      0,
    )
  } finally {
    await database.stop()
  }
}

async function organizationOnly(config: Config, log: Logger, name: string): Promise<number> {
  if (name.length < 1 || name.length > 200)
    return say('Give the organization a name of 1 to 200 characters.', 2)
  const database = await openDatabase(config)
  try {
    await migrateDatabase(database.url, log)
    return say(await addOrganization(database.url, name, log), 0)
  } finally {
    await database.stop()
  }
}

async function keysOnly(config: Config, log: Logger, what: string): Promise<number> {
  if (what !== 'rotate') return say('Say what to do with the keys: `npm start -- keys rotate`.', 2)
  const database = await openDatabase(config)
  try {
    await migrateDatabase(database.url, log)
    return say(await rotateKeys(config, database.url, log), 0)
  } finally {
    await database.stop()
  }
}

async function queuesOnly(config: Config, log: Logger, what: 'queues' | 'redrive'): Promise<number> {
  const which = process.argv[3]
  if (what === 'redrive' && !which)
    return say(
      'Say what to redrive: `npm start -- redrive JOB`, or `all`; `npm start -- queues` lists them.',
      2,
    )
  const database = await openDatabase(config)
  try {
    await migrateDatabase(database.url, log)
    const { url } = database
    return say(
      await (which && what === 'redrive' ? redriveLetters(url, which, log) : describeQueues(url, log)),
      0,
    )
  } finally {
    await database.stop()
  }
}

async function breakerOnly(config: Config, log: Logger, words: readonly string[]): Promise<number> {
  const request = readBreakerRequest(words)
  if (request.kind === 'unreadable') return say(request.why, 2)
  const database = await openDatabase(config)
  try {
    await migrateDatabase(database.url, log)
    const { text, code } = await answerBreakerRequest(database.url, request, log)
    return say(text, code)
  } finally {
    await database.stop()
  }
}

function say(text: string, code: number): number {
  const stream = code === 0 ? process.stdout : process.stderr
  stream.write(`${text}\n`)
  return code
}

try {
  const code = await main(process.argv[2] ?? 'start')
  if (code !== null) process.exit(code)
} catch (error) {
  const known = error instanceof ConfigInvalid || (error instanceof Error && error.name === 'DatabaseTooNew')
  process.stderr.write(`${known ? (error as Error).message : (error as Error).stack}\n`)
  process.exit(1)
}
