import { randomUUID } from 'node:crypto'
import { connectingMs } from '../../../machines/account.ts'
import { accountMachine } from '../../definitions/machines.ts'
import { wakeAtOf } from '../../durable/checkpoint.ts'
import { initialCheckpoint } from '../../durable/decide.ts'
import { wakeUpInsert } from '../../queue/wake.ts'
import { findAccounts, insertAccount } from '../../store/account/accounts.ts'
import { insertAttempt } from '../../store/account/connection-attempts.ts'
import { readDatabaseTime, type Tx } from '../../store/database.ts'
import { insertStarted } from '../../store/job/new-jobs.ts'
import type { CommandDeps } from '../command-deps.ts'
import { invalid, type Refusal } from '../refusal.ts'

/** The scopes that TikTok can grant. The first one is always requested. */
export const knownScopes = [
  'user.info.basic',
  'user.info.profile',
  'user.info.stats',
  'video.list',
  'video.publish',
  'video.upload',
] as const
/** The scopes for direct posts and drafts, and for looking up a post whose response was lost. */
export const defaultScopes: readonly string[] = [
  'user.info.basic',
  'user.info.profile',
  'video.list',
  'video.publish',
  'video.upload',
]

/** Starts the OAuth redirect to TikTok's authorize page. */
export interface AuthorizationStarter {
  start(request: {
    readonly organizationId: string
    readonly attemptId: string
    readonly scopes: readonly string[]
  }): {
    readonly authorizeUrl: string
    readonly redirectUri: string
    readonly stateHash: Buffer
    readonly verifierSealed: string
    /** The address, sealed: its state would let anyone who reads it complete the redirect. */
    readonly authorizeUrlSealed: string
  }
  /** Opens a sealed address. */
  unseal(
    authorizeUrlSealed: string,
    of: { readonly organizationId: string; readonly attemptId: string },
  ): string
}

export type ConnectAccountResult =
  | {
      readonly kind: 'done'
      readonly accountId: string
      readonly attemptId: string
      readonly authorizeUrl: string
      readonly authorizeUrlSealed: string
      readonly expiresAt: string
    }
  | Refusal

/**
 * Starts connecting an account through TikTok's authorize page: a new account, which is created here, or an existing one, which
 * stays as it is until its creator comes back from TikTok.
 */
export async function connectAccount(
  tx: Tx,
  { boss }: CommandDeps,
  authorization: AuthorizationStarter,
  request: {
    readonly organizationId: string
    readonly accountId: string | null
    readonly scopes: readonly string[] | null
  },
): Promise<ConnectAccountResult> {
  const { organizationId } = request
  const unknown = request.scopes?.find((scope) => !knownScopes.some((known) => known === scope))
  if (unknown !== undefined) return invalid('scopes', `"${unknown}" is none of ${knownScopes.join(', ')}`)
  const scopes = [...new Set(['user.info.basic', ...(request.scopes ?? defaultScopes)])]

  const at = await readDatabaseTime(tx)
  const accountId = request.accountId ?? randomUUID()
  if (request.accountId !== null) {
    const [account] = await findAccounts(tx, organizationId, [accountId])
    if (!account) return { kind: 'missing', field: 'accountId' }
    // Otherwise the event would be refused only after the creator has consented.
    if (account.state.startsWith('disconnecting.'))
      return { kind: 'refused', state: account.state, event: 'authorized' }
  }
  const attemptId = randomUUID()
  const expiresAt = new Date(at + connectingMs)
  const started = authorization.start({ organizationId, attemptId, scopes })

  if (request.accountId === null) {
    const checkpoint = initialCheckpoint(
      accountMachine,
      { accountId },
      { at, key: `${accountId}/1`, epoch: null },
    )
    const wakeAt = wakeAtOf(checkpoint, at)
    await insertAccount(tx, { id: accountId, organizationId, scopes: [] })
    await insertAttempt(tx, { id: attemptId, organizationId, accountId, scopes, expiresAt, ...started })
    const wakeUps = wakeAt === null ? [] : [{ jobId: accountId, organizationId, reason: 1, at: wakeAt }]
    await insertStarted(tx, organizationId, {
      instances: [{ id: accountId, organizationId, slotId: null, accountId, checkpoint, wakeAt }],
      wakeUps: await wakeUpInsert(boss, wakeUps, tx),
      events: [
        {
          organizationId,
          type: 'account.transitioned',
          jobId: accountId,
          jobRevision: 1,
          accountId,
          payload: {
            from: null,
            to: checkpoint.state,
            event: 'connect',
            tag: checkpoint.tag,
            progress: null,
          },
        },
      ],
    })
  } else {
    await insertAttempt(tx, { id: attemptId, organizationId, accountId, scopes, expiresAt, ...started })
  }
  const { authorizeUrl, authorizeUrlSealed } = started
  return {
    kind: 'done',
    accountId,
    attemptId,
    authorizeUrl,
    authorizeUrlSealed,
    expiresAt: expiresAt.toISOString(),
  }
}
