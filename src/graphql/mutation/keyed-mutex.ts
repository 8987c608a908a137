/** Runs tasks with the same key one after another, in the order of their calls. */
export interface KeyedMutex {
  /** Returns null, and does not run the task, if the earlier tasks take longer than the mutex's timeout. */
  runExclusive<Result>(key: string, task: () => Promise<Result>): Promise<Result | null>
}

/** A mutex for the tasks of this process. A waiting task holds no resource but a promise. */
export function createKeyedMutex(timeoutMs: number): KeyedMutex {
  /** For each key, settles when its last task has ended. */
  const tails = new Map<string, Promise<void>>()
  return {
    async runExclusive(key, task) {
      const previous = tails.get(key)
      const { promise: finished, resolve: finish } = Promise.withResolvers<void>()
      // A task that times out leaves the queue, but the tasks behind it still wait for those before it.
      const tail = Promise.all([previous, finished]).then(() => {
        if (tails.get(key) === tail) tails.delete(key)
      })
      tails.set(key, tail)
      try {
        return previous && !(await settlesWithin(previous, timeoutMs)) ? null : await task()
      } finally {
        finish()
      }
    },
  }
}

async function settlesWithin(promise: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  const hasSettled = await Promise.race([promise.then(() => true), timeout])
  clearTimeout(timer)
  return hasSettled
}
