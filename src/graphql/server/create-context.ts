import type { DocumentNode } from 'graphql'
import type { AuthorizationStarter } from '../../commands/account/connect-account.ts'
import type { CommandDeps } from '../../commands/command-deps.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import { type Db, readInOrganization } from '../../store/database.ts'
import type { ChangeNotification } from '../../store/event/notify.ts'
import { runOrganizationCommand } from '../../store/run-command.ts'
import type { LimitSettingsCache } from '../../tiktok-policy/limit-settings.ts'
import type { Signer } from '../../vault/signer.ts'
import type { EventStream } from '../events/event-stream.ts'
import type { Authenticator } from './authenticate.ts'
import type { ChargedRequest } from './charge-request.ts'
import type { Context } from './context.ts'
import { createLoaders } from './loaders.ts'
import type { LookUp } from './shared-lookups.ts'

export interface ContextOptions {
  readonly db: Db
  readonly authenticator: Pick<Authenticator, 'forgetKeys'>
  readonly deps: CommandDeps
  readonly authorization: AuthorizationStarter
  readonly notifications: { send(change: ChangeNotification): void }
  readonly eventStream: EventStream
  readonly signer: Signer
  readonly accountsLackingKey: (
    organizationId: string,
    accountIds: readonly string[],
  ) => Promise<ReadonlySet<string>>
  readonly limiter: Limiter
  readonly limitSettings: LimitSettingsCache
  readonly apiBucket: Bucket
  readonly idempotencyMinutes: number
  /** The public address of the API. Default: the origin of each request. */
  readonly publicUrl: string | undefined
  readonly lookUpFor: (organizationId: string) => LookUp
}

/** What is known of a request before its operation is executed. */
export interface RequestFacts extends ChargedRequest {
  readonly origin: string
  readonly idempotencyKey: string | null
  /** Set once the document is valid. */
  document?: DocumentNode
  /** Headers to add to the HTTP response; null over WebSocket. */
  readonly responseHeaders: Map<string, string> | null
}

/** Creates the context of one operation. */
export function createContext(options: ContextOptions, facts: RequestFacts): Context {
  const { db, deps, authorization, notifications, eventStream, idempotencyMinutes, publicUrl } = options
  const { authenticator, limiter, limitSettings, apiBucket } = options
  const { viewer, requestId, idempotencyKey, charge = null } = facts
  const { organizationId } = viewer
  const transact: Context['transact'] = (work) =>
    runOrganizationCommand(db, organizationId, notifications, work)
  const read: Context['read'] = (work) => readInOrganization(db, organizationId, work)
  const accountsLackingKey = (accountIds: readonly string[]) =>
    options.accountsLackingKey(organizationId, accountIds)
  return {
    viewer,
    requestId,
    origin: publicUrl ?? facts.origin,
    idempotencyKey,
    idempotencyMinutes,
    mutation: null,
    limiter,
    apiBucket,
    charge,
    deps,
    authorization,
    eventStream,
    signer: options.signer,
    read,
    transact,
    accountsLackingKey,
    load: createLoaders(organizationId, read, accountsLackingKey, options.lookUpFor(organizationId)),
    // A mutation may have set a rate limit, or revoked a key.
    invalidateCaches: () => {
      limitSettings.invalidate(organizationId)
      authenticator.forgetKeys(organizationId)
    },
    responseHeaders: facts.responseHeaders,
  }
}
