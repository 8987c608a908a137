import { randomUUID } from 'node:crypto'
import { insertConnectedAccount } from '../../src/commands/account/insert-account.ts'
import type { TestDatabase } from './database.ts'

/** Creates a connected account with an access token for two hours. */
export async function createAccount(
  { runtime }: Pick<TestDatabase, 'runtime'>,
  organizationId: string,
  scopes: readonly string[] = ['video.publish', 'video.upload'],
): Promise<string> {
  const accountId = randomUUID()
  await insertConnectedAccount(runtime.db, {
    accountId,
    organizationId,
    creator: { openId: accountId, username: 'creator', displayName: 'Creator', scopes },
    tokens: {
      accessTokenSealed: 'canary-token',
      refreshTokenSealed: 'canary-token',
      expiresInSeconds: 7_200,
      refreshExpiresInSeconds: 365 * 86_400,
    },
  })
  return accountId
}
