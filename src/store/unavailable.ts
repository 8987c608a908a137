/**
 * A service that is needed for the response is unreachable or overloaded; the same request may succeed later. Clients get 503 with
 * `Retry-After`. Throw it to refuse a request for lack of capacity.
 */
export class Unavailable extends Error {
  override readonly name = 'Unavailable'
  /** Whole seconds, at least 1. */
  readonly retryAfterSeconds: number
  constructor(
    message: string,
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.retryAfterSeconds = options.retryAfterSeconds ?? 5
  }
}

const unreachable = 'The database is unreachable. Send the request again later.'
const overloaded = 'The database is overloaded. Send the request again later.'

/** Converts an error to `Unavailable` if it means that the database cannot be used now; null for every other error. */
export function asUnavailable(error: unknown): Unavailable | null {
  // Libraries wrap errors. Only a circular chain is longer than 8.
  let each = error
  for (let depth = 0; depth < 8 && each instanceof Error; depth += 1) {
    if (each instanceof Unavailable) return each
    const message = messageFor(each)
    if (message) return new Unavailable(message, { cause: error })
    each = each.cause ?? (each as { readonly originalError?: unknown }).originalError // GraphQL's wrapper.
  }
  return null
}

function messageFor(error: Error & { readonly code?: unknown }): string | null {
  const { code } = error
  if (typeof code !== 'string') {
    if (connectionLostMessages.has(error.message)) return unreachable
    return error.message === poolIsFull ? overloaded : null
  }
  if (networkCodes.has(code) || /^(08...|57P0[1235]|25006)$/.test(code)) return unreachable
  // 55P03: a lock was not acquired within `lock_timeout`.
  return /^(53...|55P03)$/.test(code) ? overloaded : null
}

/**
 * Operating system codes for connections that are refused, lost or timed out. SQLSTATE covers the rest: class 08 (connection), 57P0x
 * (shutting down, crashed, starting), 25006 (the server became a standby) and class 53 (no connections, memory or disk left).
 * Source: PostgreSQL documentation, appendix A.
 */
const networkCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
])

/** Messages of pg for a lost connection: these errors have no code. */
const connectionLostMessages: ReadonlySet<string> = new Set([
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Query read timeout',
  'timeout expired',
])

/** Message of pg-pool when no connection became free, or could be opened, in time. */
const poolIsFull = 'timeout exceeded when trying to connect'
