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
  /** Changes the given fields; they survive a restart. */
  set(patch: Partial<LocalApp>): LocalApp
}

/** The registered app. The fields given at this start replace those of earlier runs. */
export function createAppPortal(recordStore: RecordStore, fields: Partial<LocalApp>): AppPortal {
  recordStore.put('app', 'set', { ...recordStore.get('app', 'set'), ...fields })
  const app = () => ({ ...localApp, ...recordStore.get('app', 'set') })

  return {
    app,
    set(patch) {
      recordStore.put('app', 'set', { ...recordStore.get('app', 'set'), ...patch })
      return app()
    },
  }
}
