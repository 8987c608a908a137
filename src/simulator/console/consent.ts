import type { SimulatorContext } from '../context.ts'
import type { Reply } from '../http/reply.ts'
import type { AuthorizeRequest } from '../oauth/authorize-request.ts'
import { scopeDescriptions } from '../oauth/scope.ts'
import { htmlPage } from './layout.ts'
import { markup } from './markup.ts'

/** Parameters that the form sets itself. The others are carried over. */
const formParameters: ReadonlySet<string> = new Set(['local_account', 'grant', 'auto', 'deny'])

/** Asks which account signs in and which scopes it grants. Works without JavaScript. */
export function consentPage(
  context: SimulatorContext,
  query: URLSearchParams,
  { scopes }: AuthorizeRequest,
): Reply {
  const names = [...context.recordStore.all('account')].map(({ username }) => username)
  const username = query.get('local_account') || names.at(-1) || 'demo_creator'
  const carried = [...query].filter(([name]) => !formParameters.has(name))
  return htmlPage(
    200,
    'Connect to the local TikTok',
    markup`<main class="consent"><h1>Connect your account?</h1>
<p class="note">This is the local TikTok of a rehearsal. Nothing leaves this machine.</p>
<form method="get">
${carried.map(([name, value]) => markup`<input type="hidden" name="${name}" value="${value}">`)}
<input type="hidden" name="grant" value="">
<div class="who"><img src="/__local/avatar/${username}.svg" alt="">
<input name="local_account" value="${username}" list="accounts" pattern="[\\w.]{2,24}" required aria-label="Account">
<datalist id="accounts">${names.map((name) => markup`<option value="${name}">`)}</datalist></div>
<p class="note">The app ${query.get('client_key') ?? ''} asks for:</p>
${scopes.map(
  (scope) => markup`<label><input type="checkbox" name="grant" value="${scope}" checked>
<span>${scopeDescriptions[scope]}<small class="note">${scope}</small></span></label>`,
)}
<div class="choice"><button class="main" name="auto" value="1">Allow</button>
<button name="deny" value="1">Deny</button></div>
</form></main>`,
  )
}

/** The page for an invalid request of the app; counted as a refusal. */
export function errorPage(parameter: string): Reply {
  const page = htmlPage(
    400,
    'Something went wrong',
    markup`<main class="consent"><h1>Something went wrong</h1>
<p>The parameter <b>${parameter}</b> of the app's request is invalid.</p>
<p class="note">Nothing was sent back to the app: only a valid request may name a redirect URI.</p></main>`,
  )
  return { ...page, refusal: 'invalid_request' }
}
