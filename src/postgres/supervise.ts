import { setTimeout as pause } from 'node:timers/promises'
import { attachOrStart, type StartOptions } from './daemon.ts'
import type { Installation } from './installation.ts'
import { isAlive, isLeftOver, readPidFile } from './pid-file.ts'

export interface KeepRunningOptions {
  /** Told when the server runs again, or somebody else has started it. */
  readonly onRestarted: () => void
  /** Told when it could not be started again: nobody tries any more. */
  readonly onLost: (error: Error) => void
  /** How long each attempt waits after the last one. About a minute altogether, unless told. */
  readonly delaysMs?: readonly number[]
}

const lookEveryMs = 500
const usualDelaysMs = [0, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000]

/**
 * Starts a server again whenever it has ended, at the port that its clients know. It is nobody's child, so its lock is looked
 * at. Several processes may do so for one server.
 */
export function keepRunning(
  installation: Installation,
  password: string,
  start: StartOptions & { readonly port: number },
  { onRestarted, onLost, delaysMs = usualDelaysMs }: KeepRunningOptions,
): { stop(): Promise<void> } {
  const stopping = new AbortController()
  const { signal } = stopping

  const isRunning = async (): Promise<boolean> => {
    const lock = await readPidFile(installation.data)
    return lock !== undefined && isAlive(lock.pid) && !(await isLeftOver(lock, installation.data))
  }
  const restart = async (): Promise<Error | null> => {
    let failed = new Error('the embedded Postgres was not started again')
    for (const delayMs of delaysMs) {
      await pause(delayMs, undefined, { signal })
      try {
        await attachOrStart(installation, password, start)
        return null
      } catch (error) {
        failed = error instanceof Error ? error : new Error(String(error))
      }
    }
    return failed
  }
  const watch = async (): Promise<void> => {
    for (;;) {
      // Never what a process stays alive for.
      await pause(lookEveryMs, undefined, { signal, ref: false })
      if (await isRunning()) continue
      const failed = await restart()
      if (failed) return onLost(failed)
      onRestarted()
    }
  }
  const watching = watch().catch((error) => {
    if (!signal.aborted) onLost(error instanceof Error ? error : new Error(String(error)))
  })
  return {
    async stop() {
      stopping.abort()
      await watching
    },
  }
}
