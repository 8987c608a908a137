import { randomBytes } from 'node:crypto'
import type { World } from './world.ts'

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

export const allScopes = ['user.info.basic', 'video.list', 'video.publish', 'video.upload'] as const

/** Creates a fresh pair of tokens for an account. Older access tokens live on until they expire. */
export function issueGrant(world: World, openId: string, scopes: readonly string[]): GrantBody {
  const { accessTtlSeconds, refreshTtlSeconds } = world.knobs()
  const now = world.now()
  const access = `act.${randomBytes(24).toString('hex')}`
  const refresh = `rft.${randomBytes(24).toString('hex')}`
  const shared = { openId, scopes }
  world.book.put('access', access, { ...shared, token: access, expiresAt: now + accessTtlSeconds * 1000 })
  world.book.put('refresh', refresh, {
    ...shared,
    token: refresh,
    expiresAt: now + refreshTtlSeconds * 1000,
    spent: false,
  })
  return {
    access_token: access,
    expires_in: accessTtlSeconds,
    refresh_token: refresh,
    refresh_expires_in: refreshTtlSeconds,
    open_id: openId,
    scope: scopes.join(','),
    token_type: 'Bearer',
  }
}
