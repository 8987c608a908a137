import type { AcquireRequest, TokenRequest } from './limiter.ts'

/** A limit or a request that means nothing; the message lists every mistake. Nothing was changed. */
export class InvalidLimitError extends Error {
  override readonly name = 'InvalidLimitError'
}

const longestName = 200
const longestWindowMs = 31 * 86_400_000
const mostOfAnything = 1_000_000
const mostDemands = 8

export function validateAcquireRequest({ requester, windowRequests }: AcquireRequest): void {
  const mistakes = [
    ...nameMistakes('requester', requester),
    ...windowRequests.flatMap(({ key }) => nameMistakes('key', key)),
  ]
  if (windowRequests.length < 1 || windowRequests.length > mostDemands)
    mistakes.push(`1 to ${mostDemands} windowRequests`)
  if (new Set(windowRequests.map(({ scope, key }) => `${scope} ${key}`)).size < windowRequests.length)
    mistakes.push('one demand a key')
  if (windowRequests.filter(({ scope }) => scope === 'app').length > 1)
    mistakes.push('one demand of scope app')
  for (const { window } of windowRequests) {
    mistakes.push(
      ...wholeMistakes('maxCalls', window.maxCalls, 1, mostOfAnything),
      ...wholeMistakes('windowMs', window.windowMs, 1, longestWindowMs),
      // Below 10 ms there is no time to use a place in.
      ...wholeMistakes('marginMs', window.marginMs, 10, window.windowMs),
    )
  }
  refuse(mistakes)
}

export function validateTokenRequest({ key, bucket, cost }: TokenRequest): void {
  const mistakes = [
    ...nameMistakes('key', key),
    ...wholeMistakes('capacity', bucket.capacity, 1, mostOfAnything),
    ...wholeMistakes('refillPerSecond', bucket.refillPerSecond, 1, mostOfAnything),
    ...wholeMistakes('cost', cost, 0, bucket.capacity),
  ]
  refuse(mistakes)
}

function nameMistakes(what: string, name: string): string[] {
  return name.length >= 1 && name.length <= longestName
    ? []
    : [`${what} must have 1 to ${longestName} characters`]
}

function wholeMistakes(what: string, value: number, least: number, most: number): string[] {
  return Number.isInteger(value) && value >= least && value <= most
    ? []
    : [`${what} must be a whole number from ${least} to ${most}, not ${value}`]
}

function refuse(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new InvalidLimitError([...new Set(mistakes)].join('; '))
}
