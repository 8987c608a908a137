import type { Logger } from '../logger.ts'

export interface OutageLogOptions {
  /** Whether an error means that the service is unavailable. */
  readonly isOutage: (error: unknown) => boolean
  /** Calls the service; rejects while it is unavailable. */
  readonly probe: () => Promise<unknown>
  /** The service's name in the log. */
  readonly name: string
  readonly probeIntervalMs?: number
}

const levels = ['warn', 'error', 'fatal'] as const

interface Outage {
  readonly since: number
  /** The number of suppressed lines, by message. */
  readonly suppressed: Map<string, number>
}

/**
 * A logger that reports an outage once when it begins and once when it ends. Every part of a process notices an outage again and
 * again: these lines are suppressed and counted by message. All other lines are logged. Child loggers behave the same.
 */
export function logOutagesOnce(log: Logger, options: OutageLogOptions): Logger {
  const { isOutage, probe, name, probeIntervalMs = 500 } = options
  let outage: Outage | null = null
  let hasJustEnded = false

  const end = () => {
    if (!outage) return
    const seconds = Math.round((performance.now() - outage.since) / 100) / 10
    log.info({ seconds, suppressed: Object.fromEntries(outage.suppressed) }, `the ${name} is available again`)
    outage = null
    // Calls that began during the outage still fail after it.
    hasJustEnded = true
    setTimeout(() => {
      hasJustEnded = false
    }, maxFailureDelayMs).unref()
  }
  const poll = () => {
    probe().then(end, () => setTimeout(poll, probeIntervalMs).unref())
  }
  const begin = (error: Error, message: string) => {
    outage = { since: performance.now(), suppressed: new Map() }
    log.error({ reason: error.message, noticedBy: message }, `the ${name} is unavailable`)
    setTimeout(poll, probeIntervalMs).unref()
  }
  const suppress = (error: Error, message: string) => {
    if (outage) outage.suppressed.set(message, (outage.suppressed.get(message) ?? 0) + 1)
    else if (!hasJustEnded) begin(error, message)
    else probe().catch(() => outage ?? begin(error, message))
  }

  const wrap = (inner: Logger): Logger => {
    const wrapped: Logger = Object.create(inner)
    for (const level of levels) {
      const write = inner[level].bind(inner) as (...args: readonly unknown[]) => void
      wrapped[level] = (first: unknown, ...rest: readonly unknown[]) => {
        const error = errorOf(
          first instanceof Error ? first : (first as { readonly err?: unknown } | null)?.err,
        )
        if (error && isOutage(error)) suppress(error, String(rest[0] ?? error.name))
        else write(first, ...rest)
      }
    }
    const child = (bindings: object) => wrap(inner.child(bindings))
    return Object.assign(wrapped, { child })
  }
  return wrap(log)
}

/** pg-boss passes an error on as a plain object. */
function errorOf(value: unknown): Error | null {
  if (value instanceof Error) return value
  if (typeof value !== 'object' || value === null || !('message' in value)) return null
  return Object.assign(new Error(String(value.message)), value)
}

/** The longest that an operation waits for the database before it fails: opening a connection. */
const maxFailureDelayMs = 15_000
