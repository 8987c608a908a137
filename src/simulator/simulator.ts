import type { NewAccount } from './account.ts'
import type { RemovalReason } from './disconnect.ts'
import type { Fault } from './fault.ts'
import type { LocalRate } from './http/rate.ts'
import type { TokenResponse } from './oauth/grant.ts'
import type { LocalPost } from './post/local-post.ts'
import type { Account, Counters, LocalApp } from './record.ts'
import type { SimulatorSettings } from './settings.ts'
import type { LocalWebhook } from './webhook/local-webhook.ts'

export interface LocalTikTokOptions {
  /** Default: 0, any free port. Keep it over a restart: upload URLs contain it. */
  readonly port?: number
  /** Holds the media and, if persisted, the records. Default: a temporary directory that `stop` removes. */
  readonly directory?: string
  /** Whether a restart in the same directory continues with the same records. Default: true. */
  readonly persist?: boolean
  readonly settings?: Partial<SimulatorSettings>
  readonly app?: Partial<LocalApp>
  /** Armed from the start. */
  readonly faults?: readonly Fault[]
}

export interface LocalTikTok {
  /** The base URL of the authorize page, the API, uploads, profile pages and `/__local/`. */
  readonly url: string
  /** The registered app as it is now. */
  readonly app: LocalApp
  /** Cuts every connection and closes. A second call does nothing. */
  stop(): Promise<void>
  posts(): readonly LocalPost[]
  accounts(): readonly Account[]
  counters(): Counters
  /** The highest accepted calls per minute, by endpoint and account, and by endpoint and token. */
  rates(): readonly LocalRate[]
  /** Every event, oldest first, with the state of its delivery. */
  webhooks(): readonly LocalWebhook[]
  settings(): SimulatorSettings
  changeSettings(settings: Partial<SimulatorSettings>): SimulatorSettings
  /** Changes the app as its developer does in the portal, such as the webhook URL. */
  changeApp(app: Partial<LocalApp>): LocalApp
  /** Creates the account, or replaces the one of that name. */
  createAccount(account: NewAccount): Account
  /** Issues tokens without a browser. Throws RangeError for an unknown account. */
  grant(username: string, scopes?: readonly string[]): TokenResponse
  /** Disconnects the app from an account. Default: by its user. Throws RangeError for an unknown account. */
  disconnect(username: string, reason?: RemovalReason): void
  /**
   * The user posts a draft from their inbox, in public unless the account is private. Each call makes another post. Throws
   * RangeError for anything but a draft in an inbox.
   */
  postDraft(publishId: string, isPublic?: boolean): LocalPost
  /** Throws RangeError for a post that is not public. */
  takeDown(publishId: string): LocalPost
  /** Throws RangeError for a post that is not private. */
  makePublic(publishId: string): LocalPost
  /** Sends the app a webhook with any event name, for one account. Throws RangeError for an unknown account. */
  sendWebhook(event: string, username: string, content: object): void
  /** Sends the webhooks that are due and resolves when every attempt has ended. */
  flushWebhooks(): Promise<void>
  injectFault(fault: Fault): void
  clearFaults(): void
  /** Faults that can still apply. */
  faults(): readonly Fault[]
  /** Advances the clock: tokens and uploads expire, moderation ends. */
  advance(seconds: number): void
}
