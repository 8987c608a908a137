import { openBenchDatabase } from './bench-database.ts'
import { benchBuckets } from './buckets.ts'
import { benchStartLatency } from './start-latency.ts'
import { benchTransitions } from './transitions.ts'

/** Prints each figure as median [min–max], beside a baseline from the same run: only the ratios apply to other machines. */
const database = await openBenchDatabase()
try {
  for (const bench of [benchTransitions, benchStartLatency, benchBuckets]) {
    for (const line of await bench(database)) console.log(line)
  }
} finally {
  await database.close()
}
