import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NewAccount, putAccount } from './account.ts'
import { createAppPortal, type LocalApp } from './app.ts'
import { control } from './control/control.ts'
import { type Counters, countersOf } from './counters.ts'
import { disconnect, type RemovalReason } from './disconnect.ts'
import { createFaults, type Fault } from './fault.ts'
import { type LocalRate, localRates } from './http/local-rate.ts'
import { createRates } from './http/rate.ts'
import { type GrantBody, issueGrant } from './oauth/grant.ts'
import { allScopes } from './oauth/scope.ts'
import { type LocalPost, localPost } from './post/local-post.ts'
import { makePublic, postDraft, takeDown } from './post/owner.ts'
import { createPulls } from './post/pull.ts'
import type { Account, Publish } from './record.ts'
import { openBook } from './record-store.ts'
import { createHandler } from './server.ts'
import { defaultKnobs, type Knobs } from './settings.ts'
import { type LocalWebhook, localWebhooks } from './webhook/local-webhook.ts'
import { createOutbox } from './webhook/outbox.ts'
import { accountNamed, type Ground, type World } from './world.ts'

export interface LocalTikTokOptions {
  /** 0, any free one, unless told. Keep it over a restart: upload URLs name it. */
  readonly port?: number
  /** Where bytes and, if persisted, the book are kept; a temporary one, removed at the stop, unless told. */
  readonly directory?: string
  /** Whether a restart in the same directory goes on where this one ended. True unless told. */
  readonly persist?: boolean
  readonly knobs?: Partial<Knobs>
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
  knobs(): Knobs
  setKnobs(knobs: Partial<Knobs>): Knobs
  /** Sets the app up anew, as its developer would in the portal: the webhook URL, for one. */
  setApp(app: Partial<LocalApp>): LocalApp
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
  announce(event: string, username: string, content: object): void
  /** Tells all that is due, and resolves when every attempt has had its end. */
  flushWebhooks(): Promise<void>
  injectFault(fault: Fault): void
  clearFaults(): void
  /** Those that may still strike. */
  faults(): readonly Fault[]
  /** Puts the clock forward: tokens expire, uploads lapse, moderation ends. */
  advance(seconds: number): void
}

/**
 * A strict TikTok of one's own on the loopback: the paths, fields, limits and refusals of the real one as far as they are
 * known, and a memory that outlives its process. Resolves once it listens; rejects when the port is taken.
 */
export async function startLocalTikTok(options: LocalTikTokOptions = {}): Promise<LocalTikTok> {
  // First of all: a directory belongs to whoever holds its port, and the book must not be opened by two.
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  // A listening TCP server's address is an object; text is for pipes.
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'local-tiktok-'))
  const { world, setKnobs, setApp } = createWorld(url, directory, options)

  const local = createLocal(world, url, {
    setKnobs,
    setApp,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve)) // also when it was closed before
      server.closeAllConnections()
      await closed
      await Promise.all([world.outbox.stop(), world.pulls.stop()])
      world.book.close()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
  })
  server.on(
    'request',
    createHandler(world, (call) => control(world, local, call)),
  )
  return local
}

function createWorld(url: string, directory: string, options: LocalTikTokOptions) {
  mkdirSync(join(directory, 'media'), { recursive: true })
  const book = openBook(options.persist === false ? undefined : directory)
  const portal = createAppPortal(book, options.app ?? {})
  let knobs: Knobs = { ...defaultKnobs, ...options.knobs }
  const setKnobs = (patch: Partial<Knobs>) => {
    knobs = { ...knobs, ...patch }
    return knobs
  }

  const ground: Ground = {
    app: portal.app,
    book,
    faults: createFaults(options.faults),
    knobs: () => knobs,
    turn: setKnobs,
    now: () => Date.now() + (book.get('clock', 'ahead') ?? 0),
    url: () => url,
    directory,
  }
  const outbox = createOutbox(ground)
  const pulls = createPulls({ ...ground, outbox })
  const world: World = { ...ground, rates: createRates(ground), outbox, pulls }
  return { world, setKnobs, setApp: portal.set }
}

function createLocal(
  world: World,
  url: string,
  acts: Pick<LocalTikTok, 'setKnobs' | 'setApp' | 'stop'>,
): LocalTikTok {
  const { book } = world
  const known = (username: string) => {
    const account = accountNamed(world, username)
    if (!account) throw new RangeError(`no account ${username}`)
    return account
  }
  const shown = (publish: Publish) => localPost(publish, book.get('account', publish.openId), world.now())

  return {
    ...acts,
    url,
    get app() {
      return world.app()
    },
    posts: () => [...book.all('publish')].map(shown),
    accounts: () => [...book.all('account')],
    counters: () => countersOf(world),
    rates: () => localRates(world),
    webhooks: () => localWebhooks(world),
    knobs: world.knobs,
    createAccount: (account) => putAccount(world, account),
    grant: (username, scopes = allScopes) => issueGrant(world, { openId: known(username).openId, scopes }),
    disconnect: (username, reason = 'userDisconnected') => disconnect(world, known(username).openId, reason),
    postDraft: (publishId, isPublic) => shown(postDraft(world, publishId, isPublic)),
    takeDown: (publishId) => shown(takeDown(world, publishId)),
    makePublic: (publishId) => shown(makePublic(world, publishId)),
    announce(event, username, content) {
      const { openId } = known(username)
      world.outbox.announce({ subject: openId, openId, event, content })
    },
    flushWebhooks: () => world.outbox.flush(),
    injectFault: (fault) => world.faults.inject(fault),
    clearFaults: () => world.faults.clear(),
    faults: () => world.faults.armed(),
    advance(seconds) {
      book.put('clock', 'ahead', (book.get('clock', 'ahead') ?? 0) + seconds * 1000)
    },
  }
}
