import { type Breaker, breakerAt, publicStateOf } from '../circuit-breaker/breaker.ts'
import { breakerKeyOf, type ForceMode, forceBreaker } from '../commands/limits/force-breaker.ts'
import { breakerMachine } from '../definitions/machines.ts'
import { nextTimer } from '../durable/checkpoint.ts'
import { contextOf } from '../durable/machine.ts'
import type { Logger } from '../logger.ts'
import { listBreakers, readBreakers } from '../store/breaker/breakers.ts'
import type { Connection } from '../store/database.ts'
import { createChangeNotifier } from '../store/event/notify.ts'
import { runCommand } from '../store/run-command.ts'
import { type CommandCall, print, UsageError } from './command.ts'
import { onDatabase } from './on-database.ts'
import { withRuntime } from './with-runtime.ts'

export async function runBreaker(call: CommandCall): Promise<number> {
  const request = parseBreakerRequest(call.words)
  return await onDatabase(call, async (url, log) => {
    const { text, code } = await runBreakerRequest(url, request, log)
    return print(text, code)
  })
}

export type BreakerRequest =
  | { readonly kind: 'list' }
  | { readonly kind: 'force'; readonly mode: ForceMode; readonly key: string; readonly reason: string }

/** What to print, and the exit code: 2 if the request was refused. */
export interface BreakerReport {
  readonly text: string
  readonly code: 0 | 2
}

/** Parses the arguments: none, or a mode, a breaker's key and the reason. Throws `UsageError`. */
export function parseBreakerRequest(words: readonly string[]): BreakerRequest {
  const [mode, key, ...rest] = words
  if (mode === undefined) return { kind: 'list' }
  if (!isMode(mode)) throw new UsageError(`"${mode}" is not one of open, closed and release.`)
  if (key === undefined) throw new UsageError(`Missing argument KEY: \`npm start -- breaker ${mode} KEY\`.`)
  const reason = rest.join(' ').trim()
  if (reason !== '') return { kind: 'force', mode, key, reason }
  if (mode === 'release') return { kind: 'force', mode, key, reason: 'released at the command line' }
  // A forced breaker stays so until it is released: those who wonder about it need the reason.
  throw new UsageError(`Missing argument REASON: \`npm start -- breaker ${mode} ${key} REASON\`.`)
}

/** Lists the breakers or forces one. The operator may force any. */
export async function runBreakerRequest(
  databaseUrl: string,
  request: BreakerRequest,
  log: Logger,
): Promise<BreakerReport> {
  return await withRuntime(databaseUrl, 'breaker', log, async (runtime) =>
    request.kind === 'list' ? { text: await list(runtime), code: 0 } : await force(runtime, request),
  )
}

async function force(
  connection: Connection,
  { mode, key, reason }: Extract<BreakerRequest, { kind: 'force' }>,
): Promise<BreakerReport> {
  const { db } = connection
  const command = { organizationId: null, key, mode, reason, by: null }
  const notifications = createChangeNotifier(connection)
  const forced = await runCommand(db, notifications, (tx) => forceBreaker(tx, command)).finally(
    notifications.close,
  )
  switch (forced.kind) {
    case 'done': {
      const { breakers, now } = await readBreakers(db, [breakerKeyOf(key)])
      return { text: table(breakers.map((record) => breakerAt(record, now))), code: 0 }
    }
    case 'missing':
      return { text: `There is no breaker "${key}". The breakers are:\n${await list(connection)}`, code: 2 }
    case 'refused':
      return {
        text: `"${key}" is ${forced.state}, not forced: there is nothing to release.`,
        code: 2,
      }
    case 'invalid':
      return { text: forced.fields.map(({ path, message }) => `The ${path} ${message}.`).join('\n'), code: 2 }
    default:
      throw new Error(`unexpected result of forcing a breaker: ${forced.kind}`)
  }
}

/** More than there are upstreams and failing accounts at once. */
const maxListed = 1_000

async function list({ db }: Connection): Promise<string> {
  const { breakers, now } = await listBreakers(db, null, maxListed)
  if (breakers.length === 0) return 'There are no breakers yet: the first start of a worker registers them.'
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
