import { randomBytes } from 'node:crypto'
import { isUsername, putAccount } from '../account.ts'
import { consentPage, errorPage } from '../console/consent.ts'
import type { SimulatorContext } from '../context.ts'
import { findAccount } from '../dependencies.ts'
import type { Call } from '../http/call.ts'
import { type Reply, redirect } from '../http/reply.ts'
import type { Account } from '../record.ts'
import { type AuthorizeRequest, checkAuthorizeRequest, splitCommas } from './authorize-request.ts'

/**
 * `GET /v2/auth/authorize/`: checks the request as TikTok's page does and shows the consent page, or approves at once with
 * the setting `autoApprove` or `auto=1`.
 *
 * Parameters of the simulator: `local_account` names the account that signs in (default: the newest account, else a demo
 * account), `deny=1` refuses, and `grant=a,b` (repeatable) grants only these of the requested scopes.
 */
export async function authorize(context: SimulatorContext, { url }: Call): Promise<Reply> {
  const query = url.searchParams
  const checked = checkAuthorizeRequest(context.app(), context.settings(), query)
  // TikTok shows an error page of its own, too: nothing is sent to a redirect URI that is not registered.
  if (checked.kind === 'invalid') return errorPage(checked.parameter)
  const username = query.get('local_account') ?? ''
  if (username !== '' && !isUsername(username)) return errorPage('local_account')

  const { request } = checked
  if (query.get('deny') === '1') {
    return redirectBack(request, {
      error: 'access_denied',
      error_description: 'The user denied the request',
    })
  }
  if (query.get('auto') !== '1' && !context.settings().autoApprove)
    return consentPage(context, query, request)
  return approve(context, request, username, query)
}

function approve(
  context: SimulatorContext,
  request: AuthorizeRequest,
  username: string,
  query: URLSearchParams,
): Reply {
  const account = findSignedInAccount(context, username)
  const { sandboxTargets } = context.app()
  if (sandboxTargets && !sandboxTargets.includes(account.username)) {
    return redirectBack(request, {
      error: 'access_denied',
      error_type: 'non_sandbox_target',
      error_description: 'The account is not a target user of the sandbox',
    })
  }

  const granted = query.getAll('grant').flatMap(splitCommas)
  const scopes = query.has('grant')
    ? request.scopes.filter((scope) => granted.includes(scope))
    : request.scopes
  // Real codes contain characters that a query escapes, which reveals a client that decodes them twice or never.
  const code = `${randomBytes(24).toString('base64url')}*0!4${randomBytes(4).toString('hex')}.va`
  context.recordStore.put('code', code, {
    code,
    openId: account.openId,
    scopes,
    redirectUri: request.redirectUri,
    challenge: request.challenge,
    expiresAt: context.now() + context.settings().codeTtlSeconds * 1000,
    used: false,
  })
  return redirectBack(request, { code, scopes: scopes.join(',') })
}

function redirectBack(
  { redirectUri, state }: AuthorizeRequest,
  answer: Readonly<Record<string, string>>,
): Reply {
  const target = new URL(redirectUri)
  for (const [name, value] of Object.entries({ state, ...answer })) target.searchParams.set(name, value)
  return redirect(302, target.href)
}

function findSignedInAccount(context: SimulatorContext, username: string): Account {
  const newest = [...context.recordStore.all('account')].at(-1)
  if (username === '') return newest ?? putAccount(context, { username: 'demo_creator' })
  return findAccount(context, username) ?? putAccount(context, { username })
}
