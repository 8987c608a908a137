import { randomBytes, randomUUID } from 'node:crypto'
import type { SimulatorDependencies } from '../dependencies.ts'
import type { AccessToken, Grant } from '../record.ts'

/** A pair of tokens as OAuth's answer spells it. */
export interface GrantBody {
  readonly access_token: string
  readonly expires_in: number
  readonly refresh_token: string
  readonly refresh_expires_in: number
  readonly open_id: string
  readonly scope: string
  readonly token_type: 'Bearer'
}

interface Wanted {
  readonly openId: string
  readonly scopes: readonly string[]
  /** The consent that the pair comes of; a new one unless told. */
  readonly grantId?: string
  /** A refresh token that goes on, with the life that it has left. */
  readonly keep?: { readonly token: string; readonly expiresAt: number }
  /** When the refresh token ends, if not a full life from now. */
  readonly refreshEnds?: number
}

/** Creates a pair of tokens for an account. Older access tokens live on until they expire. */
export function issueGrant({ recordStore, settings, now }: SimulatorDependencies, wanted: Wanted): GrantBody {
  const { accessTtlSeconds, refreshTtlSeconds } = settings()
  const at = now()
  const grantId = wanted.grantId ?? randomUUID()
  if (!recordStore.get('grant', grantId))
    recordStore.put('grant', grantId, { id: grantId, openId: wanted.openId })

  const shared = { openId: wanted.openId, scopes: wanted.scopes, grantId }
  const access = `act.${randomBytes(24).toString('hex')}`
  recordStore.put('access', access, { ...shared, token: access, expiresAt: at + accessTtlSeconds * 1000 })

  const refresh = wanted.keep ?? {
    token: `rft.${randomBytes(24).toString('hex')}`,
    expiresAt: wanted.refreshEnds ?? at + refreshTtlSeconds * 1000,
  }
  if (!wanted.keep) recordStore.put('refresh', refresh.token, { ...shared, ...refresh, spent: false })
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

/** Whether the consent that a token came of is withdrawn. */
export function isRevoked(
  { recordStore }: Pick<SimulatorDependencies, 'recordStore'>,
  token: AccessToken,
): boolean {
  return recordStore.get('grant', grantIdOf(token))?.revokedAt !== undefined
}

/** Kills every token of one consent. */
export function revokeFamily(dependencies: SimulatorDependencies, token: AccessToken): void {
  revoke(dependencies, { id: grantIdOf(token), openId: token.openId })
}

/** Kills every token of an account. */
export function revokeAccount(dependencies: SimulatorDependencies, openId: string): void {
  revoke(dependencies, { id: oldGrantId(openId), openId })
  for (const grant of dependencies.recordStore.all('grant').toArray()) {
    if (grant.openId === openId && grant.revokedAt === undefined) revoke(dependencies, grant)
  }
}

function revoke({ recordStore, now }: SimulatorDependencies, grant: Grant): void {
  recordStore.put('grant', grant.id, { ...grant, revokedAt: now() })
}

function grantIdOf({ grantId, openId }: AccessToken): string {
  return grantId ?? oldGrantId(openId)
}

function oldGrantId(openId: string): string {
  return `before grants ${openId}`
}
