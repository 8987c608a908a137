import type { Book } from './record-store.ts'

export interface Counters {
  /** Accepted inits of every kind: so many posts and drafts there are. */
  readonly inits: number
  readonly inboxInits: number
  readonly photoInits: number
  readonly puts: number
  readonly bytes: number
  /** A chunk that was already there came again, byte range for byte range. */
  readonly repeatedChunks: number
  readonly statusFetches: number
  readonly cancels: number
  readonly exchanges: number
  readonly refreshes: number
  /** A spent refresh token was presented. */
  readonly refreshReuse: number
  /** All tokens of a consent died of a reuse. */
  readonly familiesRevoked: number
  readonly revokes: number
  /** How often an account was lost, be it by a revoke or by its owner. */
  readonly disconnects: number
  /** A chunk came with an access token, which has no business there. */
  readonly authorizationOnUpload: number
  readonly faults: number
  /** A client went after a redirect that it should have refused. */
  readonly redirectsFollowed: number
  /** Attempts to tell the app something. */
  readonly webhooksSent: number
  /** Attempts that it answered with 200. */
  readonly webhooksAccepted: number
  /** Attempts that followed a failed one. */
  readonly webhooksRetried: number
  readonly webhooksLost: number
  /** Events that were given up after too many failed attempts. */
  readonly webhooksAbandoned: number
  /** How often each code was answered; uploads count as `http_416` and the like. */
  readonly refused: Readonly<Record<string, number>>
}

const noCounters: Counters = {
  inits: 0,
  inboxInits: 0,
  photoInits: 0,
  puts: 0,
  bytes: 0,
  repeatedChunks: 0,
  statusFetches: 0,
  cancels: 0,
  exchanges: 0,
  refreshes: 0,
  refreshReuse: 0,
  familiesRevoked: 0,
  revokes: 0,
  disconnects: 0,
  authorizationOnUpload: 0,
  faults: 0,
  redirectsFollowed: 0,
  webhooksSent: 0,
  webhooksAccepted: 0,
  webhooksRetried: 0,
  webhooksLost: 0,
  webhooksAbandoned: 0,
  refused: {},
}

interface Counting {
  readonly book: Book
}

export function countersOf({ book }: Counting): Counters {
  return { ...noCounters, ...book.get('counters', 'all') }
}

export type CountedName = Exclude<keyof Counters, 'refused'>

export function count(counting: Counting, name: CountedName, by = 1): void {
  const counters = countersOf(counting)
  counting.book.put('counters', 'all', { ...counters, [name]: counters[name] + by })
}

export function countRefusal(counting: Counting, code: string): void {
  const counters = countersOf(counting)
  const refused = { ...counters.refused, [code]: (counters.refused[code] ?? 0) + 1 }
  counting.book.put('counters', 'all', { ...counters, refused })
}
