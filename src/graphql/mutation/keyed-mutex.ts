/** Work under the same name, one after another in the order of asking. */
export interface KeyedMutex {
  /** Answers null, and does nothing, if those ahead have not ended within `mostMs`. */
  runExclusive<Result>(name: string, work: () => Promise<Result>): Promise<Result | null>
}

/** A line for the work of this process. Whoever stands in it holds nothing but a promise. */
export function createKeyedMutex(mostMs: number): KeyedMutex {
  /** Per name, when the last in line will have ended. */
  const ends = new Map<string, Promise<void>>()
  return {
    async runExclusive(name, work) {
      const ahead = ends.get(name)
      const { promise: leaving, resolve: leave } = Promise.withResolvers<void>()
      // Whoever gives up leaves, but those behind still wait for those ahead.
      const end = Promise.all([ahead, leaving]).then(() => {
        if (ends.get(name) === end) ends.delete(name)
      })
      ends.set(name, end)
      try {
        return ahead && !(await endsWithin(ahead, mostMs)) ? null : await work()
      } finally {
        leave()
      }
    },
  }
}

async function endsWithin(end: Promise<void>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), milliseconds)
  })
  const isOver = await Promise.race([end.then(() => true), tooLate])
  clearTimeout(timer)
  return isOver
}
