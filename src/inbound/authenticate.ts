/** The API key of a request: its organization and its scopes. */
export interface Caller {
  readonly organizationId: string
  readonly keyId: string
  readonly scopes: ReadonlySet<string>
}

/** Checks an `Authorization` header. Null without a valid API key. */
export type Authenticate = (authorization: string | undefined) => Promise<Caller | null>
