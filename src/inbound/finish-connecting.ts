import type { Failure } from '../../machines/rules/failure.ts'
import { AccountBusy, authorizeAccount, type Creator } from '../commands/account/authorize-account.ts'
import type { CommandDeps } from '../commands/command-deps.ts'
import { sendAccountEvent } from '../commands/send-event.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import { readCallback } from '../providers/tiktok/oauth/callback.ts'
import type { TokenGrant } from '../providers/tiktok/oauth/token.ts'
import { writeCreatorSettings } from '../store/account/accounts.ts'
import { type ConnectionAttempt, useAttempt } from '../store/account/connection-attempts.ts'
import type { CreatorSettings } from '../store/account/tables.ts'
import type { Db } from '../store/database.ts'
import { type Notifier, runCommand } from '../store/run-command.ts'
import type { Encryptor } from '../vault/encryptor.ts'
import { sealTokens } from '../vault/seal-tokens.ts'
import { failureOfCode } from '../verdict/coded-failure.ts'
import { failureOfAnswer } from '../verdict/tiktok-answer.ts'
import { hashOfState, verifierAssociatedData } from './authorization.ts'

export interface FinishConnectingDeps extends CommandDeps {
  /** With the runtime's role: the organization is only known once the state has been looked up. */
  readonly db: Db
  readonly tiktok: Pick<TikTokClient, 'forCaller' | 'exchangeCode'>
  readonly encryptor: Encryptor
  readonly notifications: Notifier
}

/** How connecting an account ended. */
export type ConnectionOutcome =
  | {
      readonly kind: 'connected'
      readonly username: string
      readonly displayName: string
      /** Requested and not granted. */
      readonly missingScopes: readonly string[]
    }
  /** Not a redirect of TikTok's. */
  | { readonly kind: 'malformed' }
  /** The state was used before, is too old, or was never issued. */
  | { readonly kind: 'unknownAttempt' }
  /** The person declined. */
  | { readonly kind: 'declined' }
  /** The app is in its sandbox, and the person is not one of its target users. */
  | { readonly kind: 'notInSandbox' }
  | { readonly kind: 'otherCreator'; readonly expected: string; readonly username: string }
  /** TikTok refused, or did not answer. The code is used up, so the person has to start again. */
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Finishes an authorization: exchanges the code, reads the creator's names, and stores the grant. */
export async function finishConnecting(deps: FinishConnectingDeps, url: URL): Promise<ConnectionOutcome> {
  const callback = readCallback(url)
  if (callback.kind === 'malformed') return { kind: 'malformed' }
  const attempt = await useAttempt(deps.db, hashOfState(callback.state))
  if (!attempt) return { kind: 'unknownAttempt' }

  if (callback.kind === 'refused') {
    const sandbox = callback.errorType === 'non_sandbox_target'
    const failure = failureOfCode('oauth', sandbox ? 'non_sandbox_target' : callback.error)
    await decline(deps, attempt, failure)
    if (sandbox) return { kind: 'notInSandbox' }
    return callback.error === 'access_denied' ? { kind: 'declined' } : { kind: 'failed', failure }
  }
  const { organizationId, accountId } = attempt
  const answer = await deps.tiktok.exchangeCode({
    code: callback.code,
    redirectUri: attempt.redirectUri,
    codeVerifier: deps.encryptor.open(
      attempt.verifierSealed,
      verifierAssociatedData(organizationId, attempt.id),
    ),
  })
  if (answer.kind !== 'ok') {
    const failure = failureOfAnswer('oauth', answer)
    await decline(deps, attempt, failure)
    return { kind: 'failed', failure }
  }
  const { grant } = answer
  const { creator, settings } = await readCreator(
    deps.tiktok.forCaller({ organizationId, accountId, requester: accountId }),
    grant,
  )
  const authorizing = runCommand(deps.db, deps.notifications, async (tx) => {
    const authorized = await authorizeAccount(tx, deps, {
      organizationId,
      accountId,
      creator,
      seal: (accountId) => sealTokens(deps.encryptor, { organizationId, accountId }, grant),
    })
    if (authorized.kind === 'authorized' && settings)
      await writeCreatorSettings(tx, authorized.accountId, settings)
    return authorized
  })
  const result = await authorizing.catch((error) => {
    if (error instanceof AccountBusy) return { kind: 'busy' as const }
    throw error
  })
  if (result.kind === 'busy') return { kind: 'failed', failure: busy }
  if (result.kind === 'otherCreator') return { ...result, username: creator.username }
  const missingScopes = attempt.scopes.filter((scope) => !grant.scopes.includes(scope))
  return { kind: 'connected', username: creator.username, displayName: creator.displayName, missingScopes }
}

/**
 * Reads the creator's names and settings, as far as the granted scopes permit. The grant is valid even if these calls fail;
 * then the creator is known by TikTok's id alone.
 */
async function readCreator(
  tiktok: TikTokClient,
  { accessToken, openId, scopes }: TokenGrant,
): Promise<{ readonly creator: Creator; readonly settings: CreatorSettings | null }> {
  const fields = scopes.includes('user.info.profile')
    ? (['displayName', 'username'] as const)
    : (['displayName'] as const)
  const user = scopes.includes('user.info.basic') ? await tiktok.userInfo(accessToken, fields) : null
  const info = scopes.includes('video.publish') ? await tiktok.creatorInfo(accessToken) : null
  const named = user?.kind === 'ok' ? user.user : {}
  const {
    username,
    nickname,
    avatarUrl: _,
    ...settings
  } = info?.kind === 'ok' ? info.creator : { username: undefined, nickname: undefined }
  const creator = {
    openId,
    username: named.username ?? username ?? openId,
    displayName: named.displayName ?? nickname ?? named.username ?? openId,
    scopes,
  }
  return { creator, settings: 'maxDurationSeconds' in settings ? settings : null }
}

/** Ends an account that was created for this attempt. The machine of a connected account ignores the event. */
async function decline(
  deps: FinishConnectingDeps,
  attempt: ConnectionAttempt,
  failure: Failure,
): Promise<void> {
  const { organizationId, accountId } = attempt
  await runCommand(deps.db, deps.notifications, (tx) =>
    sendAccountEvent(tx, deps, { organizationId, accountId, event: { type: 'declined', failure } }),
  )
}

const busy: Failure = {
  verdict: 'NEEDS_USER',
  code: 'ACCOUNT_BUSY',
  message: 'The account is being disconnected at this moment. Connect it again in a minute.',
}
