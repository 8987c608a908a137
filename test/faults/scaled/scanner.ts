import { scanInChunks } from '../../../src/commands/plan/scan.ts'
import { jobMachine } from '../../../src/definitions/machines.ts'
import { catalogueOf } from '../../../src/durable/machine.ts'
import { createBoss } from '../../../src/queue/boss.ts'
import { connect } from '../../../src/store/database.ts'

export interface ScannerSettings {
  readonly databaseUrl: string
  readonly organizationId: string
  /** How many scans run concurrently. */
  readonly scanners: number
  /** The chunk in which the process stops before its commit, and says so; 0: none. */
  readonly hangsInChunk: number
}

/** A process that scans an organization, and prints `hanging` in the middle of a chunk, or a line for each finished scan. */
const { databaseUrl, organizationId, scanners, hangsInChunk }: ScannerSettings = JSON.parse(
  process.argv[2] ?? '',
)
const onError = (error: unknown) => process.stderr.write(`${String(error)}\n`)
const { db, close } = connect(databaseUrl, 'reelpilot_runtime', { max: scanners, name: 'scanner', onError })
const boss = createBoss({
  url: databaseUrl,
  role: 'reelpilot_runtime',
  name: 'scanner',
  supervises: false,
  onError,
})
await boss.start()

// Wake-ups are queued once in each chunk, after its jobs are inserted.
const insert = boss.insert.bind(boss)
let chunks = 0
boss.insert = async (...args: Parameters<typeof insert>) => {
  chunks += 1
  if (chunks === hangsInChunk) {
    process.stdout.write('hanging\n')
    await new Promise(() => setInterval(() => undefined, 1_000))
  }
  return await insert(...args)
}

const deps = { boss, machines: catalogueOf([jobMachine]) }
const scan = async () => {
  const result = await scanInChunks(db, deps, { send: () => undefined }, { organizationId, reason: 'hourly' })
  process.stdout.write(`${JSON.stringify(result)}\n`)
}
await Promise.all(Array.from({ length: scanners }, scan))
await boss.stop({ graceful: false })
await close()
