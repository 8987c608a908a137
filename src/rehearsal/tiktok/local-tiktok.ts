import { mkdirSync, mkdtempSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NewAccount, putAccount } from './account.ts'
import { openBook } from './book.ts'
import { control } from './control.ts'
import { createFaults, type Fault } from './fault.ts'
import { allScopes, type GrantBody, issueGrant } from './grant.ts'
import { defaultKnobs, type Knobs } from './knob.ts'
import { type LocalPost, localPost } from './local-post.ts'
import { createRateWindows } from './rate-window.ts'
import type { Account, Counters } from './record.ts'
import { createTikTokServer } from './server.ts'
import { accountNamed, countersOf, type LocalApp, type World } from './world.ts'

export interface LocalTikTokOptions {
  /** 0, any free one, unless told. Keep it over a restart: upload URLs name it. */
  readonly port?: number
  /** Where bytes and, if persisted, the book are kept; a temporary one, removed at the stop, unless told. */
  readonly directory?: string
  /** Whether a restart in the same directory goes on where this one ended. True unless told. */
  readonly persist?: boolean
  readonly knobs?: Partial<Knobs>
  readonly app?: Partial<LocalApp>
}

export interface LocalTikTok {
  /** The base of everything: authorize page, API, uploads, profile pages and `/__local/`. */
  readonly url: string
  readonly app: LocalApp
  /** Cuts every connection and closes; a second call does nothing. */
  stop(): Promise<void>
  posts(): readonly LocalPost[]
  accounts(): readonly Account[]
  counters(): Counters
  knobs(): Knobs
  setKnobs(knobs: Partial<Knobs>): Knobs
  /** Creates the account, or changes the one of that name. */
  createAccount(account: NewAccount): Account
  /** Tokens without the round trip through a browser. Throws RangeError for an unknown account. */
  grant(username: string, scopes?: readonly string[]): GrantBody
  injectFault(fault: Fault): void
  clearFaults(): void
  /** Puts the clock forward: tokens expire, uploads lapse, moderation ends. */
  advance(seconds: number): void
}

const localApp: LocalApp = {
  clientKey: 'ck_local_rehearsal',
  clientSecret: 'cs_local_rehearsal',
  redirectUri: 'http://127.0.0.1:*/oauth/tiktok/callback',
}

/**
 * A strict TikTok of one's own on the loopback: the paths, fields, limits and refusals of the real one as far as they are
 * known, and a memory that outlives its process. Resolves once it listens; rejects when the port is taken.
 */
export async function startLocalTikTok(options: LocalTikTokOptions = {}): Promise<LocalTikTok> {
  const directory = options.directory ?? mkdtempSync(join(tmpdir(), 'local-tiktok-'))
  mkdirSync(join(directory, 'media'), { recursive: true })
  const book = openBook(options.persist === false ? undefined : directory)
  let knobs: Knobs = { ...defaultKnobs, ...options.knobs }
  let url = ''

  const world: World = {
    app: { ...localApp, ...options.app },
    book,
    faults: createFaults(),
    windows: createRateWindows(),
    knobs: () => knobs,
    now: () => Date.now() + (book.get('clock', 'ahead') ?? 0),
    url: () => url,
    directory,
  }

  const local: Omit<LocalTikTok, 'url'> = {
    app: world.app,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve)) // also when it was closed before
      server.closeAllConnections()
      await closed
      book.close()
      if (options.directory === undefined) await rm(directory, { recursive: true, force: true })
    },
    posts: () =>
      [...book.all('publish')].map((publish) =>
        localPost(publish, book.get('account', publish.openId), world.now()),
      ),
    accounts: () => [...book.all('account')],
    counters: () => countersOf(world),
    knobs: () => knobs,
    setKnobs(patch) {
      knobs = { ...knobs, ...patch }
      return knobs
    },
    createAccount: (account) => putAccount(world, account),
    grant(username, scopes = allScopes) {
      const account = accountNamed(world, username)
      if (!account) throw new RangeError(`no account ${username}`)
      return issueGrant(world, account.openId, scopes)
    },
    injectFault: (fault) => world.faults.inject(fault),
    clearFaults: () => world.faults.clear(),
    advance(seconds) {
      book.put('clock', 'ahead', (book.get('clock', 'ahead') ?? 0) + seconds * 1000)
    },
  }

  const server = createTikTokServer(world, (call) => control(world, { ...local, url }, call))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  // A listening TCP server's address is an object; text is for pipes.
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { ...local, url }
}
