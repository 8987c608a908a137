import type { Scope } from '../../store/tenant/api-keys.ts'

/** Which scopes an API key with the given ones has: `admin` includes `write`, and `write` includes `read`. */
export function grantedScopes(scopes: ReadonlySet<Scope>): { readonly [name in Scope]: boolean } {
  const admin = scopes.has('admin')
  const write = admin || scopes.has('write')
  return { read: write || scopes.has('read'), write, admin }
}
