import type { Failure } from '../../machines/rules/failure.ts'
import { AccountBusy, authorizeAccount, type Creator } from '../commands/account/authorize-account.ts'
import type { CommandDeps } from '../commands/command-deps.ts'
import { sendAccountEvent } from '../commands/send-event.ts'
import type { TikTokClient } from '../providers/tiktok/client.ts'
import { readCallback } from '../providers/tiktok/oauth/callback.ts'
import type { TokenGrant } from '../providers/tiktok/oauth/token.ts'
import { writeCreatorSettings } from '../store/account/accounts.ts'
import { type ConnectionAttempt, useAttempt } from '../store/account/connection-attempts.ts'
import type { Db } from '../store/database.ts'
import type { Hint } from '../store/event/notify.ts'
import type { CreatorSettings } from '../store/tables.ts'
import type { Encryptor } from '../vault/encryptor.ts'
import { sealTokens } from '../vault/seal-tokens.ts'
import { verdictFor } from '../verdict/failure-verdict.ts'
import { failureOfAnswer } from '../verdict/tiktok-answer.ts'
import { hashOfState, placeOfVerifier } from './authorization.ts'

export interface FinishConnectingDeps extends CommandDeps {
  /** As the runtime: whose attempt it is, only the state tells. */
  readonly db: Db
  readonly tiktok: Pick<TikTokClient, 'forCaller' | 'exchangeCode'>
  readonly encryptor: Encryptor
  readonly hints: { send(hint: Hint): void }
}

/** How a way back from the authorize page ended, for the person who sits before it. */
export type ConnectionOutcome =
  | {
      readonly kind: 'connected'
      readonly username: string
      readonly displayName: string
      /** Asked for and not granted. */
      readonly missingScopes: readonly string[]
    }
  /** Not an address that TikTok would send anybody to. */
  | { readonly kind: 'malformed' }
  /** Used before, too old, or nobody's. */
  | { readonly kind: 'unknownAttempt' }
  /** The person said no. */
  | { readonly kind: 'declined' }
  /** The app is in its sandbox, and the person is not on its list. */
  | { readonly kind: 'notInSandbox' }
  | { readonly kind: 'otherCreator'; readonly expected: string; readonly username: string }
  /** TikTok said no, or said nothing: the code is spent, so the way begins anew. */
  | { readonly kind: 'failed'; readonly failure: Failure }

/** Finishes the way to the authorize page and back: trades the code, asks who it was, and takes the grant in. */
export async function finishConnecting(deps: FinishConnectingDeps, url: URL): Promise<ConnectionOutcome> {
  const callback = readCallback(url)
  if (callback.kind === 'malformed') return { kind: 'malformed' }
  const attempt = await useAttempt(deps.db, hashOfState(callback.state))
  if (!attempt) return { kind: 'unknownAttempt' }

  if (callback.kind === 'refused') {
    const sandbox = callback.errorType === 'non_sandbox_target'
    const failure = declined(sandbox ? 'non_sandbox_target' : callback.error)
    await decline(deps, attempt, failure)
    if (sandbox) return { kind: 'notInSandbox' }
    return callback.error === 'access_denied' ? { kind: 'declined' } : { kind: 'failed', failure }
  }
  const { organizationId, accountId } = attempt
  const answer = await deps.tiktok.exchangeCode({
    code: callback.code,
    redirectUri: attempt.redirectUri,
    codeVerifier: deps.encryptor.open(attempt.verifierSealed, placeOfVerifier(organizationId, attempt.id)),
  })
  if (answer.kind !== 'ok') {
    const failure = failureOfAnswer('oauth', answer)
    await decline(deps, attempt, failure)
    return { kind: 'failed', failure }
  }
  const { grant } = answer
  const { creator, settings } = await whoIsIt(
    deps.tiktok.forCaller({ organizationId, accountId, requester: accountId }),
    grant,
  )
  const take = deps.db.transaction().execute(async (tx) => {
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
  const taken = await take.catch((error) => {
    if (error instanceof AccountBusy) return { kind: 'busy' as const }
    throw error
  })
  if (taken.kind === 'busy') return { kind: 'failed', failure: busy }
  if (taken.kind === 'otherCreator') return { ...taken, username: creator.username }
  deps.hints.send({ organizations: [organizationId], jobs: taken.movedJobs })
  const missingScopes = attempt.scopes.filter((scope) => !grant.scopes.includes(scope))
  return { kind: 'connected', username: creator.username, displayName: creator.displayName, missingScopes }
}

/**
 * The creator's names, as far as the granted scopes show them. The grant is good whatever comes of these calls: without
 * them the creator is known by TikTok's id alone.
 */
async function whoIsIt(
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

/** The account that was begun for this way ends; one that works already hears nothing of it. */
async function decline(
  deps: FinishConnectingDeps,
  attempt: ConnectionAttempt,
  failure: Failure,
): Promise<void> {
  const { organizationId, accountId } = attempt
  await deps.db
    .transaction()
    .execute((tx) =>
      sendAccountEvent(tx, deps, { organizationId, accountId, event: { type: 'declined', failure } }),
    )
  deps.hints.send({ organizations: [organizationId], jobs: [] })
}

const busy: Failure = {
  verdict: 'NEEDS_USER',
  code: 'ACCOUNT_BUSY',
  message: 'The account is being disconnected at this moment. Connect it again in a minute.',
}

function declined(code: string): Failure {
  const { verdict } = verdictFor('oauth', code)
  return { verdict: verdict.verdict, code, source: 'oauth', message: verdict.meaning }
}
