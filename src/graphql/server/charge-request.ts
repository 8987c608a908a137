import type { GraphQLError } from 'graphql'
import type { Logger } from '../../logger.ts'
import { type Charge, createChargeApiKey } from '../../rate-limit/charge-api-key.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import { rateLimited } from '../schema/error.ts'
import type { Viewer } from './context.ts'

/** What charging needs to know of a request. */
export interface ChargedRequest {
  readonly requestId: string
  readonly viewer: Viewer
  /** Undefined before the request is charged; null if the limiter was unavailable. */
  charge?: Charge | null
}

/** Charges a request to its API key. Returns an error if the budget does not cover the cost: the request must not run. */
export type ChargeRequest = (request: ChargedRequest, cost: number) => Promise<GraphQLError | null>

/** Fails open: authenticated requests are allowed while the limiter is unavailable. */
export function createChargeRequest({
  limiter,
  bucket,
  log,
}: {
  readonly limiter: Limiter
  readonly bucket: Bucket
  readonly log: Logger
}): ChargeRequest {
  const chargeApiKey = createChargeApiKey(limiter, bucket)
  return async (request, cost) => {
    const { viewer, requestId } = request
    const charge = await chargeApiKey(viewer, cost).catch((error) => {
      log.error({ err: error, requestId }, 'a request could not be charged and is allowed')
      return null
    })
    request.charge = charge
    return charge && !charge.allowed ? rateLimited(charge.retryAfterSeconds) : null
  }
}

/**
 * The rate limit headers of draft-ietf-httpapi-ratelimit-headers up to version 06, which clients support, and `Retry-After`
 * in seconds (RFC 9110, 10.2.3) if the request was not allowed.
 */
export function chargeHeaders({ allowed, ...charge }: Charge): readonly (readonly [string, string])[] {
  return [
    ['ratelimit-limit', String(charge.limit)],
    ['ratelimit-remaining', String(charge.remaining)],
    ['ratelimit-reset', String(charge.resetSeconds)],
    ...(allowed ? [] : [['retry-after', String(charge.retryAfterSeconds)] as const]),
  ]
}
