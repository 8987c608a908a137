import type { SimulatorContext } from '../context.ts'
import type { ApiEndpoint } from '../endpoint.ts'
import { isRevoked } from '../oauth/grant.ts'
import type { Account } from '../record.ts'
import { type JsonObject, parseJsonObject } from './body.ts'
import { bearerOf, type Call } from './call.ts'
import { type Reply, refuse } from './reply.ts'

export interface Gate {
  readonly endpoint: ApiEndpoint
  /** One of them is enough. */
  readonly scopes: readonly string[] | ((body: JsonObject) => readonly string[])
}

export type Entry =
  | {
      readonly kind: 'entered'
      readonly account: Account
      readonly scopes: readonly string[]
      readonly body: JsonObject
    }
  | { readonly kind: 'refused'; readonly reply: Reply }

/**
 * What every call under an access token passes, in this order: token, scope, rate window, JSON. TikTok does not document
 * its order; ours is fixed, so that tests are stable.
 */
export async function enter(context: SimulatorContext, call: Call, gate: Gate): Promise<Entry> {
  const text = await call.text()
  const now = context.now()
  const refused = (status: number, code: string, message: string): Entry => ({
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
  const scopes = typeof gate.scopes === 'function' ? gate.scopes(body ?? {}) : gate.scopes
  if (!scopes.some((scope) => access.scopes.includes(scope))) {
    return refused(401, 'scope_not_authorized', 'The user did not authorize the scope required.')
  }

  if (!context.rates.admit(gate.endpoint, access.token, account.openId)) {
    return { kind: 'refused', reply: tooMany(context, now) }
  }
  if (!body) return refused(400, 'invalid_params', 'The request body is not a JSON object.')
  return { kind: 'entered', account, scopes: access.scopes, body }
}

function tooMany({ settings }: SimulatorContext, now: number): Reply {
  const text = 'The API rate limit was exceeded. Please try again later.'
  const reply = refuse(429, 'rate_limit_exceeded', text, now)
  const { retryAfterSeconds } = settings()
  return retryAfterSeconds === null
    ? reply
    : { ...reply, headers: { 'retry-after': String(retryAfterSeconds) } }
}
