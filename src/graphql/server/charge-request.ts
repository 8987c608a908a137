import type { GraphQLError } from 'graphql'
import type { Logger } from '../../logger.ts'
import { type Charge, chargeApiKey } from '../../rate-limit/charge-api-key.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import { rateLimited } from '../schema/error.ts'
import type { Viewer } from './context.ts'

/** A request, as far as it is charged. */
export interface ChargedRequest {
  readonly requestId: string
  readonly viewer: Viewer
  /** Undefined until it was charged; null if nobody could be asked. */
  charge?: Charge | null
}

/** Charges the key of a request, and answers the error if it cannot pay: then nothing may run. */
export type ChargeRequest = (request: ChargedRequest, points: number) => Promise<GraphQLError | null>

/** Whom we know may pass while the limits are out of order: the API does not go down with its limiter. */
export function createChargeRequest({
  limiter,
  bucket,
  log,
}: {
  readonly limiter: Limiter
  readonly bucket: Bucket
  readonly log: Logger
}): ChargeRequest {
  return async (request, points) => {
    const { viewer, requestId } = request
    const charge = await chargeApiKey(limiter, viewer, points, bucket).catch((error) => {
      log.error({ err: error, requestId }, 'limits')
      return null
    })
    request.charge = charge
    return charge && !charge.allowed ? rateLimited(charge.retryAfterSeconds) : null
  }
}

/** As in draft-ietf-httpapi-ratelimit-headers up to 06, which clients read; `Retry-After` in seconds (RFC 9110, 10.2.3). */
export function chargeHeaders({ allowed, ...charge }: Charge): readonly (readonly [string, string])[] {
  return [
    ['ratelimit-limit', String(charge.limit)],
    ['ratelimit-remaining', String(charge.remaining)],
    ['ratelimit-reset', String(charge.resetSeconds)],
    ...(allowed ? [] : [['retry-after', String(charge.retryAfterSeconds)] as const]),
  ]
}
