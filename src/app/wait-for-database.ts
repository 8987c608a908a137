import { setTimeout as pause } from 'node:timers/promises'
import { StartupError } from '../startup-error.ts'
import {
  findMissingRights,
  type MissingRights,
  readServerState,
  type ServerState,
} from '../store/server-state.ts'

const defaultTimeoutMs = 60_000
const pollIntervalMs = 1_000

/**
 * Waits until a given Postgres accepts writes: a standby may be promoted, a starting server comes up. Throws `StartupError` at once
 * for a problem that waiting does not solve, and otherwise after a minute.
 */
export async function waitForDatabase(
  url: string,
  options: {
    readonly print: (line: string) => void
    readonly shutdown: AbortSignal
    /** Default: 1 minute. */
    readonly timeoutMs?: number
  },
): Promise<void> {
  const deadline = performance.now() + (options.timeoutMs ?? defaultTimeoutMs)
  let printed: ServerState['kind'] | undefined
  for (;;) {
    const state = await readServerState(url)
    if (state.kind === 'ready') return
    if (state.kind === 'unreachable' || state.kind === 'tooOld' || performance.now() > deadline)
      throw new StartupError(explainState(state, url))
    if (printed !== state.kind) options.print(`  ${waitMessages[state.kind](addressOf(url))}`)
    printed = state.kind
    await pause(pollIntervalMs, undefined, { signal: options.shutdown })
  }
}

const waitMessages = {
  standby: (address: string) =>
    `The Postgres at ${address} is a standby. Waiting up to a minute for its promotion …`,
  notReady: (address: string) => `The Postgres at ${address} is starting. Waiting up to a minute …`,
} as const

function explainState(state: Exclude<ServerState, { kind: 'ready' }>, url: string): string {
  const address = addressOf(url)
  switch (state.kind) {
    case 'standby':
      return `DATABASE_URL: the Postgres at ${address} is a standby and accepts no writes; promote it, or set the address of its primary`
    case 'notReady':
      return `DATABASE_URL: the Postgres at ${address} is still starting or recovering; try again once it is up`
    case 'tooOld':
      return `DATABASE_URL: the Postgres at ${address} has version ${state.version}; use 15 or newer`
    case 'unreachable':
      return `DATABASE_URL: ${explainUnreachable(state, url)}`
  }
}

function explainUnreachable(
  { code, message }: Extract<ServerState, { kind: 'unreachable' }>,
  url: string,
): string {
  const address = addressOf(url)
  const { username, pathname, hostname } = new URL(url)
  const user = decodeURIComponent(username)
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT': // a socket file
      return `nothing listens at ${address}; start that Postgres, or correct the address`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the host ${hostname} is not known; correct its name, or fix the name resolution of this machine`
    case '28P01':
      return `the Postgres at ${address} refuses the password of the user ${user}; correct user or password`
    case '3D000':
      return `there is no database ${decodeURIComponent(pathname.slice(1))} at ${address}; create it (createdb), or correct its name`
    case undefined:
      return `the Postgres at ${address} gave no answer (${message}); correct the address, or make it reachable from this machine`
    default:
      return `the Postgres at ${address} cannot be used (${code}: ${message}); fix that, or correct the address`
  }
}

/** Explains a migration that lacked a privilege; any other error is returned unchanged. */
export async function explainMigrationError(error: unknown, url: string): Promise<unknown> {
  if (!causes(error).some((cause) => 'code' in cause && cause.code === '42501')) return error
  const missing = await findMissingRights(url)
  const remedies = remediesOf(missing)
  if (remedies.length === 0) {
    const { message } = causes(error).at(-1) ?? { message: '' }
    return new StartupError(
      `DATABASE_URL: the user ${missing.user} lacks a privilege (${message}); make it the owner of the schemas reelpilot and reelpilot_queue and of the roles reelpilot_api and reelpilot_runtime`,
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

/** An error and its causes, the outermost first. */
function causes(error: unknown): readonly Error[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : []
}

/** Host and port, never the password. */
function addressOf(url: string): string {
  const { host, searchParams } = new URL(url)
  return searchParams.get('host') ?? (host || 'its address')
}
