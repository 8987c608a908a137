import type { SimulatorContext } from '../context.ts'
import type { Endpoint } from '../endpoint.ts'
import { findUpload } from '../post/publish-record.ts'
import { bearerOf, type Call } from './call.ts'

/** The username that a call is for, as far as the call shows it. Faults for one account need it. */
export async function callerOf(
  context: SimulatorContext,
  call: Call,
  endpoint: Endpoint,
): Promise<string | undefined> {
  const { recordStore } = context
  const query = call.url.searchParams
  const nameOf = (row: { readonly openId: string } | undefined) =>
    row && recordStore.get('account', row.openId)?.username

  switch (endpoint) {
    case 'authorize':
      return query.get('local_account') ?? undefined
    case 'upload':
      return nameOf(findUpload(context, query.get('upload_id') ?? ''))
    case 'token': {
      const form = new URLSearchParams(await call.text())
      const code = recordStore.get('code', form.get('code') ?? '')
      return nameOf(code ?? recordStore.get('refresh', form.get('refresh_token') ?? ''))
    }
    case 'revoke': {
      const form = new URLSearchParams(await call.text())
      return nameOf(recordStore.get('access', form.get('token') ?? ''))
    }
    default:
      return nameOf(recordStore.get('access', bearerOf(call)))
  }
}
