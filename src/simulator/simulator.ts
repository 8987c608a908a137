import type { NewAccount } from './account.ts'
import type { RemovalReason } from './disconnect.ts'
import type { Fault } from './fault.ts'
import type { LocalRate } from './http/rate.ts'
import type { GrantBody } from './oauth/grant.ts'
import type { LocalPost } from './post/local-post.ts'
import type { Account, Counters, LocalApp } from './record.ts'
import type { SimulatorSettings } from './settings.ts'
import type { LocalWebhook } from './webhook/local-webhook.ts'

export interface LocalTikTokOptions {
  /** 0, any free one, unless told. Keep it over a restart: upload URLs name it. */
  readonly port?: number
  /** Where bytes and, if persisted, the recordStore are kept; a temporary one, removed at the stop, unless told. */
  readonly directory?: string
  /** Whether a restart in the same directory goes on where this one ended. True unless told. */
  readonly persist?: boolean
  readonly settings?: Partial<SimulatorSettings>
  readonly app?: Partial<LocalApp>
  /** To be armed from the start. */
  readonly faults?: readonly Fault[]
}

export interface LocalTikTok {
  /** The base of everything: authorize page, API, uploads, profile pages and `/__local/`. */
  readonly url: string
  /** As it is set up now. */
  readonly app: LocalApp
  /** Cuts every connection and closes; a second call does nothing. */
  stop(): Promise<void>
  posts(): readonly LocalPost[]
  accounts(): readonly Account[]
  counters(): Counters
  /** The fullest minutes that were let in, by endpoint and account, and by endpoint and token. */
  rates(): readonly LocalRate[]
  /** Every event that there was, oldest first, and what became of telling it. */
  webhooks(): readonly LocalWebhook[]
  settings(): SimulatorSettings
  changeSettings(settings: Partial<SimulatorSettings>): SimulatorSettings
  /** Sets the app up anew, as its developer would in the portal: the webhook URL, for one. */
  changeApp(app: Partial<LocalApp>): LocalApp
  /** Creates the account, or sets the one of that name anew. */
  createAccount(account: NewAccount): Account
  /** Tokens without the round trip through a browser. Throws RangeError for an unknown account. */
  grant(username: string, scopes?: readonly string[]): GrantBody
  /** The person takes the app out of their connected ones, or another reason does. Throws RangeError if unknown. */
  disconnect(username: string, reason?: RemovalReason): void
  /**
   * The person posts a draft of their inbox, in public unless their account is private; again makes another post. Throws
   * RangeError for what is no draft in an inbox.
   */
  postDraft(publishId: string, isPublic?: boolean): LocalPost
  /** Throws RangeError for what is not public. */
  takeDown(publishId: string): LocalPost
  /** Throws RangeError for what is not private. */
  makePublic(publishId: string): LocalPost
  /** Tells the app an event of any name, for one account. Throws RangeError if that is unknown. */
  sendWebhook(event: string, username: string, content: object): void
  /** Tells all that is due, and resolves when every attempt has had its end. */
  flushWebhooks(): Promise<void>
  injectFault(fault: Fault): void
  clearFaults(): void
  /** Those that may still strike. */
  faults(): readonly Fault[]
  /** Puts the clock forward: tokens expire, uploads lapse, moderation ends. */
  advance(seconds: number): void
}
