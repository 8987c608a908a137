import { Unavailable } from './unavailable.ts'

export interface Turnstile {
  /** Runs the work when it is its turn. Throws `Unavailable` if too much of the same organization is before it for too long. */
  pass<Result>(organizationId: string, work: () => Promise<Result>): Promise<Result>
}

interface Waiting {
  readonly enter: () => void
}

/**
 * Lets each organization do so many things at once. What it asks for beyond that waits for its own, and never for long: a row
 * that somebody holds must not take every connection, and with them everybody else's.
 */
export function createTurnstile({
  most,
  patienceMs,
}: {
  readonly most: number
  readonly patienceMs: number
}): Turnstile {
  const inside = new Map<string, { count: number; readonly waiting: Set<Waiting> }>()

  const enter = async (organizationId: string): Promise<void> => {
    const own = inside.get(organizationId) ?? { count: 0, waiting: new Set() }
    inside.set(organizationId, own)
    if (own.count < most) {
      own.count += 1
      return
    }
    await new Promise<void>((resolve, reject) => {
      const waiting = {
        enter: () => {
          clearTimeout(timer)
          resolve()
        },
      }
      const timer = setTimeout(() => {
        own.waiting.delete(waiting)
        const message = 'Too many requests of this organization are being served. Send this one again later.'
        reject(new Unavailable(message))
      }, patienceMs)
      own.waiting.add(waiting)
    })
  }
  const leave = (organizationId: string): void => {
    const own = inside.get(organizationId)
    if (!own) return
    const [next] = own.waiting
    if (next) {
      // Its place is handed on.
      own.waiting.delete(next)
      next.enter()
      return
    }
    own.count -= 1
    if (own.count === 0) inside.delete(organizationId)
  }

  return {
    async pass(organizationId, work) {
      await enter(organizationId)
      try {
        return await work()
      } finally {
        leave(organizationId)
      }
    },
  }
}
