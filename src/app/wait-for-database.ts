import { setTimeout as pause } from 'node:timers/promises'
import { StartupError } from '../startup-error.ts'
import {
  findMissingRights,
  type MissingRights,
  readServerState,
  type ServerState,
} from '../store/server-state.ts'

const patienceMs = 60_000
const lookEveryMs = 1_000

/**
 * Waits until a given Postgres takes changes: a standby may be promoted, a server that starts comes up. Throws `StartupError` at
 * once for what does not pass by itself, and for the rest after a minute.
 */
export async function waitForDatabase(
  url: string,
  options: {
    readonly print: (line: string) => void
    readonly ending: AbortSignal
    readonly patienceMs?: number
  },
): Promise<void> {
  const deadline = performance.now() + (options.patienceMs ?? patienceMs)
  let said: ServerState['kind'] | undefined
  for (;;) {
    const state = await readServerState(url)
    if (state.kind === 'ready') return
    if (state.kind === 'unreachable' || state.kind === 'tooOld' || performance.now() > deadline)
      throw new StartupError(sentenceOf(state, url))
    if (said !== state.kind) options.print(`  ${waitingFor[state.kind](placeOf(url))}`)
    said = state.kind
    await pause(lookEveryMs, undefined, { signal: options.ending })
  }
}

const waitingFor = {
  standby: (place: string) =>
    `The Postgres at ${place} is a standby: waiting up to a minute for its promotion …`,
  notReady: (place: string) => `The Postgres at ${place} is starting: waiting up to a minute …`,
} as const

function sentenceOf(state: Exclude<ServerState, { kind: 'ready' }>, url: string): string {
  const place = placeOf(url)
  switch (state.kind) {
    case 'standby':
      return `DATABASE_URL: the Postgres at ${place} is a standby and takes no changes; promote it, or set the address of its primary`
    case 'notReady':
      return `DATABASE_URL: the Postgres at ${place} is still starting or recovering; start again once it is up`
    case 'tooOld':
      return `DATABASE_URL: the Postgres at ${place} is of version ${state.version}; use 15 or newer`
    case 'unreachable':
      return `DATABASE_URL: ${unreachable(state, url)}`
  }
}

function unreachable({ code, message }: Extract<ServerState, { kind: 'unreachable' }>, url: string): string {
  const place = placeOf(url)
  const { username, pathname, hostname } = new URL(url)
  const user = decodeURIComponent(username)
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT': // a socket file
      return `nothing listens at ${place}; start that Postgres, or correct the address`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host ${hostname} is not known; correct its name, or mend the name service of this machine`
    case '28P01':
      return `the Postgres at ${place} refuses the password of the user ${user}; correct user or password`
    case '3D000':
      return `there is no database ${decodeURIComponent(pathname.slice(1))} at ${place}; create it (createdb), or correct its name`
    case undefined:
      return `the Postgres at ${place} gave no answer (${message}); correct the address, or let this machine reach it`
    default:
      return `the Postgres at ${place} cannot be used (${code}: ${message}); mend that, or correct the address`
  }
}

/** What to do where migrations were not permitted something; the error itself where it says anything else. */
export async function explainMigrationError(error: unknown, url: string): Promise<unknown> {
  if (!causes(error).some((cause) => 'code' in cause && cause.code === '42501')) return error
  const missing = await findMissingRights(url)
  const remedies = remediesOf(missing)
  if (remedies.length === 0) {
    const { message } = causes(error).at(-1) ?? { message: '' }
    return new StartupError(
      `DATABASE_URL: the user ${missing.user} may not change what it has to (${message}); let the schemas reelpilot and reelpilot_queue and the roles reelpilot_api and reelpilot_runtime be its own`,
    )
  }
  return new StartupError(
    `DATABASE_URL: the user ${missing.user} may not create ${remedies.map(({ what }) => what).join(' nor ')}; as a superuser, run: ${remedies.map(({ statement }) => statement).join('; ')}`,
  )
}

function remediesOf({ user, database, toCreateRoles, toCreateSchemas }: MissingRights) {
  const name = (text: string) => `"${text.replaceAll('"', '""')}"`
  return [
    ...(toCreateRoles ? [{ what: 'roles', statement: `alter role ${name(user)} createrole` }] : []),
    ...(toCreateSchemas
      ? [{ what: 'schemas', statement: `grant create on database ${name(database)} to ${name(user)}` }]
      : []),
  ]
}

/** An error and what caused it, the outermost first. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : []
}

/** Host and port, never the password. */
function placeOf(url: string): string {
  const { host, searchParams } = new URL(url)
  return searchParams.get('host') ?? (host || 'its address')
}
