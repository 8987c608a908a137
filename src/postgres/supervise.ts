import { setTimeout as sleep } from 'node:timers/promises'
import { attachOrStart, type StartOptions } from './daemon.ts'
import type { Installation } from './installation.ts'
import { isAlive, isStale, readPidFile } from './pid-file.ts'

export interface SuperviseOptions {
  /** Called when the server runs again, whoever restarted it. */
  readonly onRestart: () => void
  /** Called after the last failed attempt to restart it. Supervision ends then. */
  readonly onGiveUp: (error: Error) => void
  /** The delay before each attempt. Default: eight attempts within about a minute. */
  readonly delaysMs?: readonly number[]
}

const pollIntervalMs = 500
const defaultDelaysMs = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000]

/**
 * Restarts a server whenever it has ended, at the port that its clients know. The server is not a child of this process, so its
 * pid file is polled. Several processes can supervise one server.
 */
export function supervise(
  installation: Installation,
  password: string,
  start: StartOptions & { readonly port: number },
  { onRestart, onGiveUp, delaysMs = defaultDelaysMs }: SuperviseOptions,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping

  const isRunning = async (): Promise<boolean> => {
    const lock = await readPidFile(installation.data)
    return lock !== undefined && isAlive(lock.pid) && !(await isStale(lock, installation.data))
  }
  const restart = async (): Promise<Error | null> => {
    let lastError = new Error('the bundled Postgres was not restarted')
    for (const delayMs of delaysMs) {
      await sleep(delayMs, undefined, { signal })
      try {
        await attachOrStart(installation, password, start)
        return null
      } catch (error) {
        lastError = error instanceof Error ? error : new Error(String(error))
      }
    }
    return lastError
  }
  const monitor = async (): Promise<void> => {
    for (;;) {
      // Unreferenced: supervision alone does not keep the process alive.
      await sleep(pollIntervalMs, undefined, { signal, ref: false })
      if (await isRunning()) continue
      const failed = await restart()
      if (failed) return onGiveUp(failed)
      onRestart()
    }
  }
  const monitoring = monitor().catch((error) => {
    if (!signal.aborted) onGiveUp(error instanceof Error ? error : new Error(String(error)))
  })
  return {
    async stop() {
      stopping.abort()
      await monitoring
    },
  }
}
