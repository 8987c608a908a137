import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startEmbeddedServer } from '../../src/postgres/server.ts'
import { installQueues } from '../../src/queue/install-queues.ts'
import { type Connection, connect } from '../../src/store/database.ts'
import { migrate } from '../../src/store/migrate.ts'

export interface BenchDatabase {
  readonly url: string
  readonly runtime: Connection
  readonly organizationId: string
  close(): Promise<void>
}

/** A Postgres of its own with default durability (fsync on), migrated, with one organization. */
export async function openBenchDatabase(): Promise<BenchDatabase> {
  const directory = await mkdtemp(path.join(tmpdir(), 'reelpilot-bench-'))
  const server = await startEmbeddedServer({ directory })
  const owner = connect(server.url, 'owner', { max: 2, name: 'bench', onError: console.error })
  await migrate(owner)
  await installQueues(server.url, owner)
  await owner.close()
  const runtime = connect(server.url, 'reelpilot_runtime', { max: 10, name: 'bench', onError: console.error })
  const organizationId = randomUUID()
  await runtime.db.insertInto('organization').values({ id: organizationId, name: 'Bench' }).execute()
  await runtime.db.insertInto('event_head').values({ organization_id: organizationId }).execute()
  return {
    url: server.url,
    runtime,
    organizationId,
    async close() {
      await runtime.close()
      await server.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Runs `work` for each index, `atOnce` at a time. */
export async function inFlight(
  count: number,
  atOnce: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) {
      const index = next
      next += 1
      await work(index)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}

/** Median with minimum and maximum, for one line of a table. */
export function medianAndRange(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
  return `${round(at(0.5))} [${round(at(0))}–${round(at(1))}]`
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

export function round(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(2)
}
