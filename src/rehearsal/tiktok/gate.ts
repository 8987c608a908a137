import { parseJsonObject, readBody } from './body.ts'
import type { Account } from './record.ts'
import { type Reply, refuse } from './reply.ts'
import type { Call, World } from './world.ts'

export interface Gate {
  readonly endpoint: string
  /** One of them is enough. */
  readonly scopes: readonly string[]
  readonly perMinute: number
}

export type Entry =
  | { readonly kind: 'entered'; readonly account: Account; readonly body: Readonly<Record<string, unknown>> }
  | { readonly kind: 'refused'; readonly reply: Reply }

/**
 * What every call under an access token passes, in this order: token, scope, rate window, JSON. TikTok does not document
 * its order; ours is fixed, so that tests are stable.
 */
export async function enter(world: World, { request }: Call, gate: Gate): Promise<Entry> {
  const text = await readBody(request)
  const now = world.now()
  const refused = (status: number, code: string, message: string): Entry => ({
    kind: 'refused',
    reply: refuse(status, code, message, now),
  })

  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const access = world.book.get('access', bearer)
  const account = access && world.book.get('account', access.openId)
  if (!account || access.expiresAt <= now) {
    return refused(401, 'access_token_invalid', 'The access token is invalid or not found in the request.')
  }
  if (!gate.scopes.some((scope) => access.scopes.includes(scope))) {
    return refused(401, 'scope_not_authorized', 'The user did not authorize the scope required.')
  }
  const key = `${gate.endpoint} ${bearer}`
  if (world.knobs().rateLimits && !world.windows.admit(key, gate.perMinute, now)) {
    return refused(429, 'rate_limit_exceeded', 'The API rate limit was exceeded. Please try again later.')
  }
  const isJson = (request.headers['content-type'] ?? '').startsWith('application/json')
  const body = text === '' ? {} : isJson ? parseJsonObject(text) : undefined
  if (!body) return refused(400, 'invalid_params', 'The request body is not a JSON object.')
  return { kind: 'entered', account, body }
}
