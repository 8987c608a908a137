import { createHash } from 'node:crypto'
import { readBody } from './body.ts'
import { issueGrant } from './grant.ts'
import { type Reply, refuseOAuth } from './reply.ts'
import { type Call, count, type World } from './world.ts'

/** `POST /v2/oauth/token/`: exchange and refresh. A refresh token works once; showing it again is counted and refused. */
export async function token(world: World, { request }: Call): Promise<Reply> {
  const text = await readBody(request)
  const refused = (error: string, description: string) =>
    refuseOAuth(world.knobs().oauthErrorStatus, error, description, world.now())

  const type = request.headers['content-type'] ?? ''
  if (!type.startsWith('application/x-www-form-urlencoded')) {
    return refused('invalid_request', 'Only application/x-www-form-urlencoded is supported.')
  }
  const form = new URLSearchParams(text)
  const { clientKey, clientSecret } = world.app
  if (form.get('client_key') !== clientKey || form.get('client_secret') !== clientSecret) {
    return refused('invalid_client', 'Client key or secret is incorrect.')
  }
  switch (form.get('grant_type')) {
    case 'authorization_code':
      return exchange(world, form, refused)
    case 'refresh_token':
      return refresh(world, form, refused)
    default:
      return refused('unsupported_grant_type', 'The grant type is not supported.')
  }
}

type Refuse = (error: string, description: string) => Reply

function exchange(world: World, form: URLSearchParams, refused: Refuse): Reply {
  const code = world.book.get('code', form.get('code') ?? '')
  if (!code || code.used || code.expiresAt <= world.now()) {
    return refused('invalid_grant', 'Authorization code is expired, used or invalid.')
  }
  if (form.get('redirect_uri') !== code.redirectUri) {
    return refused('invalid_request', 'Redirect_uri is not matched with the uri when requesting code.')
  }
  const verifier = form.get('code_verifier') ?? ''
  if (createHash('sha256').update(verifier).digest('hex') !== code.challenge) {
    return refused('invalid_request', 'Code verifier or code challenge is invalid.')
  }
  world.book.put('code', code.code, { ...code, used: true })
  return { status: 200, json: issueGrant(world, code.openId, code.scopes) }
}

function refresh(world: World, form: URLSearchParams, refused: Refuse): Reply {
  const held = world.book.get('refresh', form.get('refresh_token') ?? '')
  if (held?.spent) count(world, 'refreshReuse')
  if (!held || held.spent || held.expiresAt <= world.now()) {
    return refused('invalid_grant', 'Refresh token is invalid or expired.')
  }
  world.book.put('refresh', held.token, { ...held, spent: true })
  count(world, 'refreshes')
  return { status: 200, json: issueGrant(world, held.openId, held.scopes) }
}
