import { randomBytes, randomUUID } from 'node:crypto'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { AccessToken, Grant } from '../record.ts'

/** The answer of the token endpoint. */
export interface TokenResponse {
  readonly access_token: string
  readonly expires_in: number
  readonly refresh_token: string
  readonly refresh_expires_in: number
  readonly open_id: string
  readonly scope: string
  readonly token_type: 'Bearer'
}

interface GrantRequest {
  readonly openId: string
  readonly scopes: readonly string[]
  /** The consent that the tokens belong to. Default: a new one. */
  readonly grantId?: string
  /** A refresh token to keep, with its current expiry. */
  readonly keptRefreshToken?: { readonly token: string; readonly expiresAt: number }
  /** Expiry of a new refresh token. Default: a full lifetime from now. */
  readonly refreshExpiresAt?: number
}

/** Issues a pair of tokens for an account. Older access tokens stay valid until they expire. */
export function issueTokens(
  { recordStore, settings, now }: SimulatorDependencies,
  wanted: GrantRequest,
): TokenResponse {
  const { accessTtlSeconds, refreshTtlSeconds } = settings()
  const at = now()
  const grantId = wanted.grantId ?? randomUUID()
  if (!recordStore.get('grant', grantId))
    recordStore.put('grant', grantId, { id: grantId, openId: wanted.openId })

  const shared = { openId: wanted.openId, scopes: wanted.scopes, grantId }
  const access = `act.${randomBytes(24).toString('hex')}`
  recordStore.put('access', access, { ...shared, token: access, expiresAt: at + accessTtlSeconds * 1000 })

  const refresh = wanted.keptRefreshToken ?? {
    token: `rft.${randomBytes(24).toString('hex')}`,
    expiresAt: wanted.refreshExpiresAt ?? at + refreshTtlSeconds * 1000,
  }
  if (!wanted.keptRefreshToken)
    recordStore.put('refresh', refresh.token, { ...shared, ...refresh, spent: false })
  return {
    access_token: access,
    expires_in: accessTtlSeconds,
    refresh_token: refresh.token,
    refresh_expires_in: Math.floor((refresh.expiresAt - at) / 1000),
    open_id: wanted.openId,
    scope: wanted.scopes.join(','),
    token_type: 'Bearer',
  }
}

/** Whether the consent of a token is revoked. */
export function isRevoked(
  { recordStore }: Pick<SimulatorDependencies, 'recordStore'>,
  token: AccessToken,
): boolean {
  return recordStore.get('grant', token.grantId)?.revokedAt !== undefined
}

/** Revokes every token of one consent. */
export function revokeFamily(dependencies: SimulatorDependencies, token: AccessToken): void {
  revoke(dependencies, { id: token.grantId, openId: token.openId })
}

/** Revokes every token of an account. */
export function revokeAccount(dependencies: SimulatorDependencies, openId: string): void {
  for (const grant of dependencies.recordStore.all('grant').toArray()) {
    if (grant.openId === openId && grant.revokedAt === undefined) revoke(dependencies, grant)
  }
}

function revoke({ recordStore, now }: SimulatorDependencies, grant: Grant): void {
  recordStore.put('grant', grant.id, { ...grant, revokedAt: now() })
}
