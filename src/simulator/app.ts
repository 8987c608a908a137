import type { Book } from './record-store.ts'

/** The one app that this TikTok knows, as its developer set it up in the portal. */
export interface LocalApp {
  readonly clientKey: string
  readonly clientSecret: string
  /** Registered; a port of `*` stands for any, as TikTok has it for loopback. */
  readonly redirectUri: string
  /** Further registered ones. */
  readonly redirectUris: readonly string[]
  /** Usernames that may sign in, as in a sandbox; null is everybody. */
  readonly sandboxTargets: readonly string[] | null
  /** Where media may be pulled from: domains (`media.example.com`) and URL prefixes (`https://example.com/videos/`). */
  readonly verifiedProperties: readonly string[]
  /** Where events are told; null is nowhere. */
  readonly webhookUrl: string | null
}

const localApp: LocalApp = {
  clientKey: 'ck_local_rehearsal',
  clientSecret: 'cs_local_rehearsal',
  redirectUri: 'http://127.0.0.1:*/oauth/tiktok/callback',
  redirectUris: [],
  sandboxTargets: null,
  verifiedProperties: [],
  webhookUrl: null,
}

export interface AppPortal {
  readonly app: () => LocalApp
  /** Changes what is named; remembered over a restart. */
  set(patch: Partial<LocalApp>): LocalApp
}

/** The app as it was last set up: what was `given` at this start counts before what an earlier run was told. */
export function createAppPortal(book: Book, given: Partial<LocalApp>): AppPortal {
  book.put('app', 'set', { ...book.get('app', 'set'), ...given })
  const app = () => ({ ...localApp, ...book.get('app', 'set') })

  return {
    app,
    set(patch) {
      book.put('app', 'set', { ...book.get('app', 'set'), ...patch })
      return app()
    },
  }
}
