import type { Guard } from '../providers/tiktok/http/guard.ts'

/**
 * One guard of several: each is asked in its turn, and the first that turns a call away spares those behind it. With the
 * breaker before the limiter, an open breaker spends no token.
 */
export function composeGuards(...guards: readonly Guard[]): Guard {
  return guards.reduceRight<Guard>(
    (inner, guard) => (call, run) => guard(call, () => inner(call, run)),
    (_call, run) => run(),
  )
}
