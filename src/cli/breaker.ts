import { type Breaker, breakerAt, publicStateOf } from '../circuit-breaker/breaker.ts'
import { breakerKeyOf, type ForceMode, forceBreaker } from '../commands/limits/force-breaker.ts'
import { breakerMachine } from '../definitions/machines.ts'
import { nextTimer } from '../durable/checkpoint.ts'
import { contextOf } from '../durable/machine.ts'
import type { Logger } from '../logger.ts'
import { listBreakers, readBreakers } from '../store/breaker/breakers.ts'
import { type Connection, connect } from '../store/database.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import { runCommand } from '../store/run-command.ts'

/** What the operator asks at the command line. */
export type BreakerRequest =
  | { readonly kind: 'list' }
  | { readonly kind: 'force'; readonly mode: ForceMode; readonly key: string; readonly reason: string }
  | { readonly kind: 'unreadable'; readonly why: string }

/** What is said, and the exit code: 2 for what made no sense. */
export interface Said {
  readonly text: string
  readonly code: 0 | 2
}

/** Reads the words after `breaker`: none, or what to make of a breaker, its key, and why. */
export function readBreakerRequest(words: readonly string[]): BreakerRequest {
  const [mode, key, ...rest] = words
  if (mode === undefined) return { kind: 'list' }
  if (!isMode(mode))
    return unreadable(`"${mode}" is nothing to make of a breaker: say open, closed or release.`)
  if (key === undefined) return unreadable(`Say which breaker: \`npm start -- breaker ${mode} KEY\`.`)
  const reason = rest.join(' ').trim()
  if (reason !== '') return { kind: 'force', mode, key, reason }
  // It is held until somebody lets go of it: whoever wonders then has to find out why.
  return mode === 'release'
    ? { kind: 'force', mode, key, reason: 'released at the command line' }
    : unreadable(`Say why "${key}" is to be held ${mode}: \`npm start -- breaker ${mode} ${key} REASON\`.`)
}

/** Lists the circuit breakers, or forces one, as the operator, who may force any. */
export async function answerBreakerRequest(
  databaseUrl: string,
  request: Exclude<BreakerRequest, { kind: 'unreadable' }>,
  log: Logger,
): Promise<Said> {
  const onError = (error: Error) => log.warn({ err: error }, 'database connection')
  const runtime = connect(databaseUrl, 'reelpilot_runtime', { max: 1, name: 'reelpilot breaker', onError })
  try {
    return request.kind === 'list' ? { text: await list(runtime), code: 0 } : await force(runtime, request)
  } finally {
    await runtime.close()
  }
}

async function force(
  connection: Connection,
  { mode, key, reason }: Extract<BreakerRequest, { kind: 'force' }>,
): Promise<Said> {
  const { db } = connection
  const asked = { organizationId: null, key, mode, reason, by: null }
  const notifications = createChangeNotifier(connection)
  const forced = await runCommand(db, notifications, (tx) => forceBreaker(tx, asked)).finally(
    notifications.close,
  )
  switch (forced.kind) {
    case 'done': {
      const { breakers, now } = await readBreakers(db, [breakerKeyOf(key)])
      return { text: table(breakers.map((record) => breakerAt(record, now))), code: 0 }
    }
    case 'missing':
      return { text: `There is no breaker "${key}". There are:\n${await list(connection)}`, code: 2 }
    case 'refused':
      return {
        text: `"${key}" is ${forced.state}: nobody holds it, so there is nothing to release.`,
        code: 2,
      }
    case 'invalid':
      return { text: forced.fields.map(({ path, message }) => `The ${path} ${message}.`).join('\n'), code: 2 }
    default:
      throw new Error(`forcing a breaker was answered with "${forced.kind}"`)
  }
}

/** Far more than there are upstreams, and accounts in trouble at once. */
const mostListed = 1_000

async function list({ db }: Connection): Promise<string> {
  const { breakers, now } = await listBreakers(db, null, mostListed)
  if (breakers.length === 0) return 'There is no breaker yet: the first start of a worker makes them.'
  return table(breakers.map((record) => breakerAt(record, now)))
}

function table(breakers: readonly Breaker[]): string {
  const rows = [['KEY', 'STATE', 'SINCE', 'FAILURES', 'NOTE'], ...breakers.map(rowOf)]
  const widthOf = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0))
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widthOf(column)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function rowOf(breaker: Breaker): readonly string[] {
  const { failures, openedAt, forced } = contextOf(breakerMachine, breaker.checkpoint)
  const { key } = breaker.record
  const since = forced?.at ?? openedAt
  return [
    key,
    publicStateOf(breaker.checkpoint.state),
    since === null ? '-' : iso(since),
    String(failures),
    noteOf(breaker),
  ]
}

function noteOf(breaker: Breaker): string {
  const { forced } = contextOf(breakerMachine, breaker.checkpoint)
  if (forced) return forced.reason
  const { checkpoint } = breaker
  const timer = checkpoint.state === 'open' ? nextTimer(checkpoint) : undefined
  return timer ? `probes at ${iso(timer.dueAt)}` : ''
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

function isMode(word: string): word is ForceMode {
  return ['open', 'closed', 'release'].includes(word)
}

function unreadable(why: string): BreakerRequest {
  return { kind: 'unreadable', why }
}
