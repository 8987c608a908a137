import { writeSync } from 'node:fs'
import { createBoss } from '../../src/queue/boss.ts'
import { FairWorker } from '../../src/queue/fair-worker.ts'
import { queues } from '../../src/queue/queue-settings.ts'

/** A worker process that prints what it starts, and kills itself when it starts the first of a portion that it has fetched ahead. */
const [databaseUrl = '', portion = '0'] = process.argv.slice(2)
const boss = createBoss({
  url: databaseUrl,
  role: 'reelpilot_runtime',
  name: 'hoarding',
  supervises: false,
  onError: () => undefined,
})
await boss.start()
let hasHoarded = false
const fetch = boss.fetch.bind(boss)
boss.fetch = (async (...args: Parameters<typeof fetch>) => {
  const fetched = await fetch(...args)
  hasHoarded = fetched.length >= Number(portion)
  return fetched
}) as typeof boss.fetch
new FairWorker<{ readonly jobId: string }>({
  boss,
  queue: queues.wake,
  concurrency: 4,
  reserve: () => 1,
  perform: async ({ data }) => {
    // Synchronous, so that it is written before the kill.
    writeSync(1, `${data.jobId}\n`)
    if (hasHoarded) process.kill(process.pid, 'SIGKILL')
  },
})
