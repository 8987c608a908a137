import { Unavailable } from './unavailable.ts'

export interface ConcurrencyLimit {
  /** Runs the work as soon as its organization is below the limit. Throws `Unavailable` after waiting for the timeout. */
  run<Result>(organizationId: string, work: () => Promise<Result>): Promise<Result>
}

interface Waiting {
  readonly start: () => void
}

/**
 * Limits how much work each organization has running at once. Further work waits, for a limited time: requests that wait for a locked
 * row must not occupy every connection and block the other organizations.
 */
export function createConcurrencyLimit({
  maxConcurrent,
  timeoutMs,
}: {
  readonly maxConcurrent: number
  readonly timeoutMs: number
}): ConcurrencyLimit {
  const byOrganization = new Map<string, { running: number; readonly waiting: Set<Waiting> }>()

  const acquire = async (organizationId: string): Promise<void> => {
    const own = byOrganization.get(organizationId) ?? { running: 0, waiting: new Set() }
    byOrganization.set(organizationId, own)
    if (own.running < maxConcurrent) {
      own.running += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        start: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        own.waiting.delete(waiting)
        const message = 'Too many requests of this organization are being served. Send this one again later.'
        reject(new Unavailable(message))
      }, timeoutMs)
      own.waiting.add(waiting)
    })
  }
  const release = (organizationId: string): void => {
    const own = byOrganization.get(organizationId)
    if (!own) return
    const [next] = own.waiting
    if (next) {
      // The running count is passed on.
      own.waiting.delete(next)
      next.start()
      return
    }
    own.running -= 1
    if (own.running === 0) byOrganization.delete(organizationId)
  }

  return {
    async run(organizationId, work) {
      await acquire(organizationId)
      try {
        return await work()
      } finally {
        release(organizationId)
      }
    },
  }
}
