import { type Db, readInOrganization } from '../../store/database.ts'
import { filterValidKeys } from '../../store/tenant/api-keys.ts'
import type { Signer } from '../../vault/signer.ts'
import { readUploadToken } from '../../vault/upload-token.ts'
import type { Authenticate } from '../authenticate.ts'
import { UploadProblem } from './upload-problem.ts'

/** What a request may do: any upload of its organization, or the one upload that its token is for. */
export interface UploadAccess {
  readonly organizationId: string
  readonly keyId: string
  /** Null for an API key. */
  readonly mediaId: string | null
}

/** Authorises by an API key with the write scope, or by an upload token, which ends with the key that it was created with. */
export async function authorizeUpload(
  { db, signer }: { readonly db: Db; readonly signer: Signer },
  authenticate: Authenticate,
  authorization: string | undefined,
): Promise<UploadAccess> {
  const caller = await authenticate(authorization)
  if (caller) {
    const { organizationId, keyId, scopes } = caller
    if (scopes.has('write') || scopes.has('admin')) return { organizationId, keyId, mediaId: null }
    throw new UploadProblem(403, 'FORBIDDEN', 'Uploading requires the write scope.')
  }
  const [, token = ''] = /^Bearer ([^ ]+)$/i.exec(authorization ?? '') ?? []
  const grant = readUploadToken(signer, token, Date.now())
  if (grant) {
    const { organizationId, keyId } = grant
    const [valid] = await readInOrganization(db, organizationId, (tx) => filterValidKeys(tx, [keyId]))
    if (valid !== undefined) return grant
  }
  const message = 'Send an API key, or the token of createUpload: `Authorization: Bearer …`.'
  throw new UploadProblem(401, 'UNAUTHENTICATED', message, { 'www-authenticate': 'Bearer' })
}
