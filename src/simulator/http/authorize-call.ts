import type { SimulatorContext } from '../context.ts'
import type { ApiEndpoint } from '../endpoint.ts'
import { isRevoked } from '../oauth/grant.ts'
import type { Account } from '../record.ts'
import { type JsonObject, parseJsonObject } from './body.ts'
import { bearerOf, type Call } from './call.ts'
import { type Reply, refuse } from './reply.ts'

export interface CallRequirements {
  readonly endpoint: ApiEndpoint
  /** The token needs one of these. */
  readonly scopes: readonly string[] | ((body: JsonObject) => readonly string[])
}

export type Authorization =
  | {
      readonly kind: 'authorized'
      readonly account: Account
      readonly scopes: readonly string[]
      readonly body: JsonObject
    }
  | { readonly kind: 'refused'; readonly reply: Reply }

/**
 * Checks a call with an access token, in this order: token, scope, rate limit, JSON. TikTok does not document its order; this
 * one is fixed so that tests are stable.
 */
export async function authorizeCall(
  context: SimulatorContext,
  call: Call,
  requirements: CallRequirements,
): Promise<Authorization> {
  const text = await call.text()
  const now = context.now()
  const refused = (status: number, code: string, message: string): Authorization => ({
    kind: 'refused',
    reply: refuse(status, code, message, now),
  })

  const access = context.recordStore.get('access', bearerOf(call))
  const account = access && context.recordStore.get('account', access.openId)
  if (!account || access.expiresAt <= now || isRevoked(context, access)) {
    return refused(401, 'access_token_invalid', 'The access token is invalid or not found in the request.')
  }

  const isJson = (call.request.headers['content-type'] ?? '').startsWith('application/json')
  const body = text === '' ? {} : isJson ? parseJsonObject(text) : undefined
  const scopes =
    typeof requirements.scopes === 'function' ? requirements.scopes(body ?? {}) : requirements.scopes
  if (!scopes.some((scope) => access.scopes.includes(scope))) {
    return refused(401, 'scope_not_authorized', 'The user did not authorize the scope required.')
  }

  if (!context.rates.allow(requirements.endpoint, access.token, account.openId)) {
    return { kind: 'refused', reply: rateLimited(context, now) }
  }
  if (!body) return refused(400, 'invalid_params', 'The request body is not a JSON object.')
  return { kind: 'authorized', account, scopes: access.scopes, body }
}

function rateLimited({ settings }: SimulatorContext, now: number): Reply {
  const text = 'The API rate limit was exceeded. Please try again later.'
  const reply = refuse(429, 'rate_limit_exceeded', text, now)
  const { retryAfterSeconds } = settings()
  return retryAfterSeconds === null
    ? reply
    : { ...reply, headers: { 'retry-after': String(retryAfterSeconds) } }
}
