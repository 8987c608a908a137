import type { SimulatorContext } from '../context.ts'
import type { Call } from '../http/call.ts'
import { type Reply, refuseOAuth } from '../http/reply.ts'

export type Refuse = (error: string, description: string) => Reply

export type ClientForm =
  | { readonly kind: 'form'; readonly form: URLSearchParams; readonly refused: Refuse }
  | { readonly kind: 'refused'; readonly reply: Reply }

/** Reads the form of an OAuth endpoint and checks the app's key and secret. */
export async function readClientForm(context: SimulatorContext, call: Call): Promise<ClientForm> {
  const text = await call.text()
  const refused: Refuse = (error, description) =>
    refuseOAuth(context.settings().oauthErrorStatus, error, description, context.now())
  const refuseForm = (error: string, description: string): ClientForm => ({
    kind: 'refused',
    reply: refused(error, description),
  })

  const type = call.request.headers['content-type'] ?? ''
  if (!type.startsWith('application/x-www-form-urlencoded')) {
    return refuseForm('invalid_request', 'Only application/x-www-form-urlencoded is supported.')
  }
  const form = new URLSearchParams(text)
  const missing = ['client_key', 'client_secret'].find((name) => !form.get(name))
  if (missing) return refuseForm('invalid_request', `The request is missing ${missing}.`)
  const { clientKey, clientSecret } = context.app()
  if (form.get('client_key') !== clientKey || form.get('client_secret') !== clientSecret) {
    return refuseForm('invalid_client', 'Client key or secret is incorrect.')
  }
  return { kind: 'form', form, refused }
}
