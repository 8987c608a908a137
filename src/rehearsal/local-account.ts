import { randomUUID } from 'node:crypto'
import { insertConnectedAccount } from '../commands/account/insert-account.ts'
import { Secret } from '../secret.ts'
import type { NewAccount } from '../simulator/account.ts'
import type { LocalTikTok } from '../simulator/simulator.ts'
import type { Executor } from '../store/database.ts'
import type { Encryptor } from '../vault/encryptor.ts'

/** Creates a creator at the local TikTok and a connected account with its tokens. Returns the account's id. */
export async function connectLocalAccount(
  db: Executor,
  tiktok: LocalTikTok,
  encryptor: Encryptor,
  { organizationId, ...wanted }: NewAccount & { readonly organizationId: string },
): Promise<string> {
  const creator = tiktok.createAccount(wanted)
  const grant = tiktok.grant(creator.username)
  const accountId = randomUUID()
  const associatedData = { organizationId, row: accountId }
  await insertConnectedAccount(db, {
    accountId,
    organizationId,
    creator: {
      openId: creator.openId,
      username: creator.username,
      displayName: creator.nickname,
      scopes: grant.scope.split(','),
    },
    tokens: {
      accessTokenSealed: encryptor.seal(new Secret(grant.access_token), {
        ...associatedData,
        column: 'access_token',
      }),
      refreshTokenSealed: encryptor.seal(new Secret(grant.refresh_token), {
        ...associatedData,
        column: 'refresh_token',
      }),
      expiresInSeconds: grant.expires_in,
      refreshExpiresInSeconds: grant.refresh_expires_in,
    },
  })
  return accountId
}
