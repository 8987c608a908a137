import path from 'node:path'
import { type LocalTikTok, startLocalTikTok } from './tiktok/local-tiktok.ts'

export interface RehearsalTikTok {
  /** Null if another process of ours runs it. */
  readonly local: LocalTikTok | null
  readonly client: {
    readonly apiBase: string
    readonly authorizeBase: string
    readonly clientKey: string
    readonly clientSecret: string
  }
}

/** The local TikTok on its port, with a consent page for a person; if another process of ours has it already, that one is used. */
export async function startRehearsalTikTok(port: number, dataDirectory: string): Promise<RehearsalTikTok> {
  const app = { clientKey: 'ck_local_rehearsal', clientSecret: 'cs_local_rehearsal' }
  try {
    const local = await startLocalTikTok({
      port,
      directory: path.join(dataDirectory, 'tiktok'),
      app,
      knobs: { autoApprove: false },
    })
    return { local, client: { apiBase: local.url, authorizeBase: local.url, ...app } }
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    const url = `http://127.0.0.1:${port}`
    return { local: null, client: { apiBase: url, authorizeBase: url, ...app } }
  }
}

/** Tells the local TikTok's portal where the API is reached: where browsers come back to, and where news is told. */
export function registerApp(
  local: LocalTikTok,
  { callbackUrl, webhookUrl }: { readonly callbackUrl: string; readonly webhookUrl: string },
): void {
  local.setApp({ redirectUris: [callbackUrl], webhookUrl })
}
