import type { Endpoint } from '../endpoint.ts'
import { uploadOf } from '../post/publish.ts'
import type { World } from '../world.ts'
import { bearerOf, type Call } from './call.ts'

/** The username that a call is for, as far as it tells; only so that a fault can name one account. */
export async function callerOf(world: World, call: Call, endpoint: Endpoint): Promise<string | undefined> {
  const { book } = world
  const query = call.url.searchParams
  const nameOf = (row: { readonly openId: string } | undefined) =>
    row && book.get('account', row.openId)?.username

  switch (endpoint) {
    case 'authorize':
      return query.get('local_account') ?? undefined
    case 'upload':
      return nameOf(uploadOf(world, query.get('upload_id') ?? ''))
    case 'token': {
      const form = new URLSearchParams(await call.text())
      const code = book.get('code', form.get('code') ?? '')
      return nameOf(code ?? book.get('refresh', form.get('refresh_token') ?? ''))
    }
    case 'revoke': {
      const form = new URLSearchParams(await call.text())
      return nameOf(book.get('access', form.get('token') ?? ''))
    }
    default:
      return nameOf(book.get('access', bearerOf(call)))
  }
}
