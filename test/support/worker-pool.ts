import { onTestFinished } from 'vitest'
import { startWorkerProcess, type WorkerProcess } from './worker-fixture.ts'
import type { WorkerSettings } from './worker-process.ts'

export interface WorkerPool {
  /** Stops killing workers. */
  stopKilling(): void
  stop(): Promise<void>
}

/** Starts workers that are replaced when they end. A random one gets SIGKILL at every interval. */
export function startWorkerPool(
  settings: WorkerSettings,
  { workers, killEveryMs }: { readonly workers: number; readonly killEveryMs: number },
): WorkerPool {
  let over = false
  const running = new Set<WorkerProcess>()
  const reaper = setInterval(() => {
    const all = [...running]
    all[Math.floor(Math.random() * all.length)]?.child.kill('SIGKILL')
  }, killEveryMs)
  const end = () => {
    over = true
    clearInterval(reaper)
  }
  // Otherwise a worker that is killed at the end of the test would be replaced.
  onTestFinished(end)
  const supervise = async () => {
    while (!over) {
      const worker = startWorkerProcess(settings)
      running.add(worker)
      await worker.exited
      running.delete(worker)
    }
  }
  const supervisors = Array.from({ length: workers }, supervise)
  return {
    stopKilling: () => clearInterval(reaper),
    async stop() {
      end()
      for (const { child } of running) child.kill('SIGTERM')
      await Promise.all(supervisors)
    },
  }
}
