import type { Logger } from '../logger.ts'

export interface OutageLogOptions {
  /** Whether an error says that what is watched is out of reach. */
  readonly isOutage: (error: unknown) => boolean
  /** Asks for it; rejects while it is out of reach. */
  readonly probe: () => Promise<unknown>
  /** For the log: what is watched. */
  readonly name: string
  readonly probeEveryMs?: number
}

const levels = ['warn', 'error', 'fatal'] as const

/**
 * A logger that says an outage once when it begins and once when it ends, with how many lines of whom were left out in between.
 * Every part of a process notices an outage by itself, again and again; what each of them logs of it is counted by its message.
 * All else is logged as ever.
 */
export function logOutagesOnce(log: Logger, options: OutageLogOptions): Logger {
  const { isOutage, probe, name, probeEveryMs = 500 } = options
  let outage: { readonly since: number; readonly left: Map<string, number> } | null = null
  let hasJustEnded = false

  const end = () => {
    if (!outage) return
    const seconds = Math.round((performance.now() - outage.since) / 100) / 10
    log.info({ seconds, leftOut: Object.fromEntries(outage.left) }, `the ${name} is back`)
    outage = null
    // What was begun during the outage fails after it as well.
    hasJustEnded = true
    setTimeout(() => {
      hasJustEnded = false
    }, lateMs).unref()
  }
  const ask = () => {
    probe().then(end, () => setTimeout(ask, probeEveryMs).unref())
  }
  const begin = (error: Error, message: string) => {
    outage = { since: performance.now(), left: new Map() }
    log.error({ reason: error.message, noticedBy: message }, `the ${name} is out of reach`)
    setTimeout(ask, probeEveryMs).unref()
  }
  const take = (error: Error, message: string) => {
    if (outage) outage.left.set(message, (outage.left.get(message) ?? 0) + 1)
    else if (!hasJustEnded) begin(error, message)
    else probe().catch(() => outage ?? begin(error, message))
  }

  const quiet: Logger = Object.create(log)
  for (const level of levels) {
    const say = log[level].bind(log) as (...args: readonly unknown[]) => void
    quiet[level] = (first: unknown, ...rest: readonly unknown[]) => {
      const error = errorOf(
        first instanceof Error ? first : (first as { readonly err?: unknown } | null)?.err,
      )
      if (error && isOutage(error)) take(error, String(rest[0] ?? error.name))
      else say(first, ...rest)
    }
  }
  return quiet
}

/** pg-boss hands on what is left of an error once it was spread into an object. */
function errorOf(value: unknown): Error | null {
  if (value instanceof Error) return value
  if (typeof value !== 'object' || value === null || !('message' in value)) return null
  return Object.assign(new Error(String(value.message)), value)
}

/** The longest that anything waits for the database before it fails: a connection that is opened. */
const lateMs = 15_000
