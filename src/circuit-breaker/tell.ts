import type { BreakerEvent } from '../../machines/breaker.ts'
import { creditSuccess, type RetryBudget, refundRetry } from '../../machines/rules/retry-budget.ts'
import type { Asking } from './ask.ts'
import { type Breaker, moveBreaker } from './breaker.ts'
import type { Finding } from './outcome.ts'
import { type BreakerDeps, turn } from './permit.ts'

/**
 * Tells the breakers of a call what it found. What comes too late to say anything of now is refused by the machine, and
 * that is all.
 */
export async function tellBreakers(
  deps: BreakerDeps,
  { permit, breakers: keys, attempt }: Asking,
  epochs: ReadonlyMap<string, number>,
  findingOf: (key: string) => Finding,
): Promise<void> {
  await turn(deps, keys, (breakers, at) => {
    const next = breakers.map((breaker) => {
      const { key, accountId } = breaker.record
      const finding = findingOf(key)
      const event = eventOf(finding, permit, epochs.get(key) ?? 0)
      const moved = event ? moveBreaker(breaker, event, at) : null
      const after = moved?.kind === 'moved' ? moved.breaker : breaker
      return accountId === null ? { ...after, retryBudget: settle(after, finding, attempt > 1, at) } : after
    })
    return { next, answer: null }
  })
}

function eventOf(finding: Finding, permit: string, epoch: number): BreakerEvent | null {
  switch (finding.kind) {
    case 'well':
      return { type: 'succeeded', permit, epoch }
    case 'failing': {
      const { kind: _, ...asked } = finding
      return { type: 'failed', permit, epoch, ...asked }
    }
    case 'unasked':
      return { type: 'abandoned', permit }
    case 'silent':
      return null
  }
}

function settle({ retryBudget }: Breaker, finding: Finding, wasRetry: boolean, at: number): RetryBudget {
  if (finding.kind === 'well') return creditSuccess(retryBudget, at, wasRetry)
  return finding.kind === 'unasked' && wasRetry ? refundRetry(retryBudget, at) : retryBudget
}
