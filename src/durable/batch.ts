export interface BatchOptions {
  /** How many calls may run at once. */
  readonly concurrency?: number
  /** The most requests in one call. */
  readonly maxSize?: number
  /** Whether an error has a cause that all requests share, such as a lost connection. Default: none has. */
  readonly isCommon?: (error: unknown) => boolean
}

/**
 * Batches concurrent requests: while `concurrency` calls are running, further requests queue and go out together. Each
 * caller gets its own result. A single request is not delayed; at 32 in flight it is several times faster than separate
 * calls.
 */
export function batch<Request, Answer>(
  perform: (batch: readonly Request[]) => Promise<readonly Answer[]>,
  { concurrency = 2, maxSize = 256, isCommon = () => false }: BatchOptions = {},
): (request: Request) => Promise<Answer> {
  interface Waiting {
    readonly request: Request
    readonly resolve: (answer: Answer) => void
    readonly reject: (error: unknown) => void
  }
  const queue: Waiting[] = []
  let busy = 0

  const run = async (): Promise<void> => {
    busy += 1
    try {
      while (queue.length > 0) await answer(queue.splice(0, maxSize))
    } finally {
      busy -= 1
    }
  }

  const answer = async (batch: readonly Waiting[], isRepeated = false): Promise<void> => {
    try {
      const results = await perform(batch.map(({ request }) => request))
      batch.forEach((waiting, index) => {
        // `perform` returns one result per request.
        waiting.resolve(results[index] as Answer)
      })
    } catch (error) {
      if (batch.length === 1) for (const { reject } of batch) reject(error)
      // The next connection may work. If it does not, hundreds of separate calls would each wait for their timeout.
      else if (isCommon(error) && !isRepeated) await answer(batch, true)
      else if (isCommon(error)) for (const { reject } of batch) reject(error)
      // One bad request must not fail the others, so each is retried alone.
      else for (const waiting of batch) await answer([waiting])
    }
  }

  return (request) =>
    new Promise((resolve, reject) => {
      queue.push({ request, resolve, reject })
      // Deferred to the end of this event-loop turn, so that its requests share a call.
      if (busy < concurrency)
        setImmediate(() => (busy < concurrency && queue.length > 0 ? void run() : undefined))
    })
}

/**
 * Batches the requests of each key apart from those of others: a call that waits, for example for a locked row of one organization,
 * keeps no other key waiting. Up to `concurrency` calls run for each key.
 */
export function batchByKey<Request, Answer>(
  keyOf: (request: Request) => string,
  perform: (batch: readonly Request[]) => Promise<readonly Answer[]>,
  options: BatchOptions = {},
): (request: Request) => Promise<Answer> {
  const batches = new Map<string, { readonly send: (request: Request) => Promise<Answer>; pending: number }>()
  return async (request) => {
    const key = keyOf(request)
    const batched = batches.get(key) ?? { send: batch(perform, options), pending: 0 }
    batches.set(key, batched)
    batched.pending += 1
    try {
      return await batched.send(request)
    } finally {
      batched.pending -= 1
      if (batched.pending === 0) batches.delete(key) // A process meets any number of keys.
    }
  }
}
