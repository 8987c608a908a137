import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { DriveEnd } from '../../../src/durable/drive.ts'
import type { DriverOrder, DriverSettings, DriverWord } from './upstream-outage-driver.ts'

/** Worker processes, each with its share of the jobs. */
export interface Fleet {
  /** Drives jobs in all processes concurrently; returns the end of each drive. */
  drive(order: DriverOrder): Promise<readonly DriveEnd[]>
  /** Sends SIGKILL to all of them. */
  kill(): Promise<void>
}

interface Driver {
  readonly child: ChildProcess
  readonly ended: Promise<unknown>
  /** Reads its next line; rejects if it ends instead. */
  nextReport(): Promise<DriverWord>
}

export async function startFleet(settings: DriverSettings, processes: number): Promise<Fleet> {
  const drivers = Array.from({ length: processes }, () => startDriver(settings))
  await Promise.all(drivers.map(({ nextReport }) => nextReport()))
  return {
    async drive({ ids, ...how }) {
      const words = drivers.map(async ({ child, nextReport }, index) => {
        const share = ids.filter((id) => Number.parseInt(id.slice(0, 8), 16) % processes === index)
        if (share.length === 0) return []
        child.stdin?.write(`${JSON.stringify({ ids: share, ...how })}\n`)
        const word = await nextReport()
        return word.kind === 'driven' ? word.ends : []
      })
      return (await Promise.all(words)).flat()
    },
    async kill() {
      for (const { child } of drivers) child.kill('SIGKILL')
      await Promise.all(drivers.map(({ ended }) => ended))
    },
  }
}

function startDriver(settings: DriverSettings): Driver {
  const file = fileURLToPath(new URL('./upstream-outage-driver.ts', import.meta.url))
  const child = spawn(process.execPath, [file, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    ended: once(child, 'close'),
    async nextReport() {
      const { done, value } = await lines.next()
      if (done) throw new Error('a worker process has ended')
      return JSON.parse(value)
    },
  }
}
