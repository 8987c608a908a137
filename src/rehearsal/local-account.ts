import { randomUUID } from 'node:crypto'
import { Secret } from '../secret.ts'
import type { Sealer } from '../secrets.ts'
import type { Executor } from '../store/database.ts'
import type { NewAccount } from './tiktok/account.ts'
import type { LocalTikTok } from './tiktok/local-tiktok.ts'

/** Creates a creator at the local TikTok and connects it: an account with sealed tokens. Answers the account's id. */
export async function connectLocalAccount(
  db: Executor,
  tiktok: LocalTikTok,
  sealer: Sealer,
  { organizationId, ...wanted }: NewAccount & { readonly organizationId: string },
): Promise<string> {
  const creator = tiktok.createAccount(wanted)
  const grant = tiktok.grant(creator.username)
  const accountId = randomUUID()
  await db
    .insertInto('account')
    .values({
      id: accountId,
      organization_id: organizationId,
      open_id: creator.openId,
      username: creator.username,
      display_name: creator.nickname,
      state: 'connected',
      scopes: grant.scope.split(','),
      access_token_sealed: sealer.seal(new Secret(grant.access_token), `access_token/${accountId}`),
      refresh_token_sealed: sealer.seal(new Secret(grant.refresh_token), `refresh_token/${accountId}`),
      access_expires_at: new Date(Date.now() + grant.expires_in * 1_000),
      refresh_expires_at: new Date(Date.now() + grant.refresh_expires_in * 1_000),
    })
    .execute()
  return accountId
}
