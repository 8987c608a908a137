import type { SimulatorContext } from '../context.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuseOAuth } from '../http/reply.ts'

export type Refuse = (error: string, description: string) => Reply

export type ClientForm =
  | { readonly kind: 'form'; readonly form: URLSearchParams; readonly refused: Refuse }
  | { readonly kind: 'refused'; readonly reply: Reply }

/** What all OAuth endpoints want before anything else: a form, and in it the app's key and secret. */
export async function clientForm(context: SimulatorContext, call: Call): Promise<ClientForm> {
  const text = await call.text()
  const refused: Refuse = (error, description) =>
    refuseOAuth(context.settings().oauthErrorStatus, error, description, context.now())
  const no = (error: string, description: string): ClientForm => ({
    kind: 'refused',
    reply: refused(error, description),
  })

  const type = call.request.headers['content-type'] ?? ''
  if (!type.startsWith('application/x-www-form-urlencoded')) {
    return no('invalid_request', 'Only application/x-www-form-urlencoded is supported.')
  }
  const form = new URLSearchParams(text)
  const missing = ['client_key', 'client_secret'].find((name) => !form.get(name))
  if (missing) return no('invalid_request', `The request is missing ${missing}.`)
  const { clientKey, clientSecret } = context.app()
  if (form.get('client_key') !== clientKey || form.get('client_secret') !== clientSecret) {
    return no('invalid_client', 'Client key or secret is incorrect.')
  }
  return { kind: 'form', form, refused }
}
