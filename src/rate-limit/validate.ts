import type { AcquireRequest, TokenRequest } from './limiter.ts'

/** A limit or a request that is invalid. The message lists every problem; nothing was changed. */
export class InvalidLimitError extends Error {
  override readonly name = 'InvalidLimitError'
}

const maxNameLength = 200
const maxWindowMs = 31 * 86_400_000
const maxNumber = 1_000_000
const maxWindowRequests = 8

export function validateAcquireRequest({ requester, windowRequests }: AcquireRequest): void {
  const problems = [
    ...nameProblems('requester', requester),
    ...windowRequests.flatMap(({ key }) => nameProblems('key', key)),
  ]
  if (windowRequests.length < 1 || windowRequests.length > maxWindowRequests)
    problems.push(`there must be 1 to ${maxWindowRequests} window requests`)
  if (new Set(windowRequests.map(({ scope, key }) => `${scope} ${key}`)).size < windowRequests.length)
    problems.push('each key must be requested once')
  if (windowRequests.filter(({ scope }) => scope === 'app').length > 1)
    problems.push('only one window request may have the scope app')
  for (const { window } of windowRequests) {
    problems.push(
      ...numberProblems('maxCalls', window.maxCalls, 1, maxNumber),
      ...numberProblems('windowMs', window.windowMs, 1, maxWindowMs),
      // A margin below 10 ms leaves no time to use a reservation.
      ...numberProblems('marginMs', window.marginMs, 10, window.windowMs),
    )
  }
  throwIfAny(problems)
}

export function validateTokenRequest({ key, bucket, cost }: TokenRequest): void {
  const problems = [
    ...nameProblems('key', key),
    ...numberProblems('capacity', bucket.capacity, 1, maxNumber),
    ...numberProblems('refillPerSecond', bucket.refillPerSecond, 1, maxNumber),
    ...numberProblems('cost', cost, 0, bucket.capacity),
  ]
  throwIfAny(problems)
}

function nameProblems(what: string, name: string): string[] {
  return name.length >= 1 && name.length <= maxNameLength
    ? []
    : [`${what} must have 1 to ${maxNameLength} characters`]
}

function numberProblems(what: string, value: number, min: number, max: number): string[] {
  return Number.isInteger(value) && value >= min && value <= max
    ? []
    : [`${what} must be a whole number from ${min} to ${max}, not ${value}`]
}

function throwIfAny(problems: readonly string[]): void {
  if (problems.length > 0) throw new InvalidLimitError([...new Set(problems)].join('; '))
}
