import { Secret } from '../../../secret.ts'

/** What TikTok sends a browser back with. */
export type Callback =
  | {
      readonly kind: 'granted'
      /** Works once, and not for long: exchange it at once. */
      readonly code: Secret
      /** What was granted, which may be less than what was asked. */
      readonly scopes: readonly string[]
      readonly state: string
    }
  | {
      readonly kind: 'refused'
      readonly state: string
      /** `access_denied` when the person said no, or when the app's set-up did: see `errorType`. */
      readonly error: string
      /** `non_sandbox_target`: the person is not among the sandbox's users, which an operator has to mend. */
      readonly errorType?: string
      readonly description: string
    }
  /** Not what TikTok sends: without state, without an outcome, with two, or with a parameter twice. */
  | { readonly kind: 'malformed' }

/**
 * Reads the redirect after the authorize page. Whether the state is ours is for the caller to check, before anything else.
 *
 * The code is decoded once, by `URL`: codes contain characters that a query escapes, and a second decoding would damage
 * them. The granted scopes are called `scopes` here and `scope` in the token's answer. Source: Login Kit for Web, "callback".
 */
export function readCallback(url: URL): Callback {
  const names = [...url.searchParams.keys()]
  if (new Set(names).size !== names.length) return { kind: 'malformed' }

  const { state, code, scopes, error, error_type, error_description } = Object.fromEntries(url.searchParams)
  if (!state || Boolean(code) === Boolean(error)) return { kind: 'malformed' }
  if (code) {
    const granted = (scopes ?? '').split(',').filter((scope) => scope !== '')
    return { kind: 'granted', code: new Secret(code), scopes: granted, state }
  }
  return {
    kind: 'refused',
    state,
    error: error ?? '',
    ...(error_type && { errorType: error_type }),
    description: error_description ?? '',
  }
}
