import type { LocalApp } from './record.ts'
import type { RecordStore } from './record-store.ts'

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
export function createAppPortal(recordStore: RecordStore, given: Partial<LocalApp>): AppPortal {
  recordStore.put('app', 'set', { ...recordStore.get('app', 'set'), ...given })
  const app = () => ({ ...localApp, ...recordStore.get('app', 'set') })

  return {
    app,
    set(patch) {
      recordStore.put('app', 'set', { ...recordStore.get('app', 'set'), ...patch })
      return app()
    },
  }
}
