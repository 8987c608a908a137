import { createHash } from 'node:crypto'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import type { Reply } from '../http/reply.ts'
import type { Refuse } from './form.ts'
import { issueTokens } from './grant.ts'

/** Exchanges an authorization code for its first pair of tokens. Works once. */
export function exchange(context: SimulatorContext, form: URLSearchParams, refused: Refuse): Reply {
  const missing = ['code', 'redirect_uri'].find((name) => !form.get(name))
  if (missing) return refused('invalid_request', `The request is missing ${missing}.`)
  const code = context.recordStore.get('code', form.get('code') ?? '')
  if (!code || code.used || code.expiresAt <= context.now()) {
    return refused('invalid_grant', 'Authorization code is expired, used or invalid.')
  }
  if (form.get('redirect_uri') !== code.redirectUri) {
    return refused('invalid_request', 'Redirect_uri is not matched with the uri when requesting code.')
  }
  // TikTok accepts a verifier without a challenge, which some clients send.
  if (code.challenge !== '' && !matchesChallenge(form.get('code_verifier') ?? '', code.challenge)) {
    return refused('invalid_request', 'Code verifier or code challenge is invalid.')
  }
  context.recordStore.put('code', code.code, { ...code, used: true })
  count(context, 'exchanges')
  return { status: 200, json: issueTokens(context, code) }
}

/** Accepts both encodings: the authorize page has checked which one is allowed. */
function matchesChallenge(verifier: string, challenge: string): boolean {
  const hash = createHash('sha256').update(verifier).digest()
  return challenge === hash.toString('hex') || challenge === hash.toString('base64url')
}
