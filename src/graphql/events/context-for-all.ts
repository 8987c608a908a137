import type { Context } from '../server/context.ts'
import { createLoaders } from '../server/loaders.ts'

/**
 * The context of an execution that several subscribers share. It has nothing of one subscriber: a field that reads the API key, its
 * charge or anything else that differs fails instead of showing everybody what belongs to one.
 */
export function contextForAll({
  viewer: { organizationId, scopes },
  origin,
  idempotencyMinutes,
  limiter,
  apiBucket,
  deps,
  authorization,
  eventStream,
  signer,
  read,
  transact,
  accountsLackingKey,
  invalidateCaches,
}: Context): Context {
  return {
    viewer: {
      organizationId,
      scopes,
      get keyId(): string {
        throw new Error('a shared execution has no API key')
      },
    },
    get requestId(): string {
      throw new Error('a shared execution has no request')
    },
    get charge(): never {
      throw new Error('a shared execution has no charge')
    },
    origin,
    idempotencyKey: null,
    idempotencyMinutes,
    mutation: null,
    limiter,
    apiBucket,
    deps,
    authorization,
    eventStream,
    signer,
    load: createLoaders(organizationId, read, accountsLackingKey),
    read,
    transact,
    accountsLackingKey,
    invalidateCaches,
    responseHeaders: null,
  }
}
