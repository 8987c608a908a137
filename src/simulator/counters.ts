import type { Counters } from './record.ts'
import type { RecordStore } from './record-store.ts'

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

interface CounterStore {
  readonly recordStore: RecordStore
}

export function countersOf({ recordStore }: CounterStore): Counters {
  return { ...noCounters, ...recordStore.get('counters', 'all') }
}

export type CountedName = Exclude<keyof Counters, 'refused'>

export function count(counting: CounterStore, name: CountedName, by = 1): void {
  const counters = countersOf(counting)
  counting.recordStore.put('counters', 'all', { ...counters, [name]: counters[name] + by })
}

export function countRefusal(counting: CounterStore, code: string): void {
  const counters = countersOf(counting)
  const refused = { ...counters.refused, [code]: (counters.refused[code] ?? 0) + 1 }
  counting.recordStore.put('counters', 'all', { ...counters, refused })
}
