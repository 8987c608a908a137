import { Secret } from '../../../secret.ts'

/** The parameters that TikTok's redirect carries back. */
export type Callback =
  | {
      readonly kind: 'granted'
      /** Works once and expires soon: exchange it at once. */
      readonly code: Secret
      /** The granted scopes, which may be fewer than the requested ones. */
      readonly scopes: readonly string[]
      readonly state: string
    }
  | {
      readonly kind: 'refused'
      readonly state: string
      /** `access_denied` when the person declined, or when the app's configuration forbids it: see `errorType`. */
      readonly error: string
      /** `non_sandbox_target`: the person is not one of the sandbox's target users. An operator has to add them. */
      readonly errorType?: string
      readonly description: string
    }
  /** Not a redirect of TikTok's: without state, without an outcome, with two outcomes, or with a repeated parameter. */
  | { readonly kind: 'malformed' }

/**
 * Reads the redirect from the authorize page. The caller must check first that the state is its own.
 *
 * `URL` decodes the code once: codes contain characters that a query escapes, and decoding twice would damage them. The
 * granted scopes are called `scopes` here and `scope` in the token response. Source: Login Kit for Web, "callback".
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
