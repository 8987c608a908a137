import type { Warning } from 'pg-boss'

/** As long as the same is warned of, it is said no more often than this. */
const everyMs = 60_000

/**
 * Hands on each kind of warning at once, and then once a minute with how often it has come: a backlog is warned of every two
 * seconds for as long as it lasts.
 */
export function throttleWarnings(say: (warning: Warning, seen: number) => void): (warning: Warning) => void {
  const kinds = new Map<string, { seen: number; saidAt: number }>()
  return (warning) => {
    const kind = warning.message.replaceAll(/\d+/g, '#') // The same words with other numbers are the same kind.
    const known = kinds.get(kind) ?? { seen: 0, saidAt: Number.NEGATIVE_INFINITY }
    known.seen += 1
    kinds.set(kind, known)
    const now = performance.now()
    if (now - known.saidAt < everyMs) return
    known.saidAt = now
    say(warning, known.seen)
  }
}
