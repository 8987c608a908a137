import path from 'node:path'
import type { LocalTikTok } from '../simulator/simulator.ts'
import { codeOf, explainListenError, StartupError } from '../startup-error.ts'
import { lockDirectory } from './directory-lock.ts'

const app = { clientKey: 'ck_local_rehearsal', clientSecret: 'cs_local_rehearsal' }

export interface RehearsalTikTok {
  /** Null when another process runs it. */
  readonly local: LocalTikTok | null
  readonly client: {
    readonly apiBase: string
    readonly authorizeBase: string
    readonly clientKey: string
    readonly clientSecret: string
  }
  stop(): Promise<void>
}

/**
 * Starts the local TikTok with a consent page for a person. Its records belong to one process per data directory: a second
 * process uses the running one, or fails with `StartupError` if it is required to run its own.
 */
export async function startRehearsalTikTok(options: {
  readonly port: number
  readonly dataDirectory: string
  /** Whether this process must run the local TikTok itself. */
  readonly isRequired: boolean
}): Promise<RehearsalTikTok> {
  const { port, dataDirectory, isRequired } = options
  const clientOf = (url: string) => ({ apiBase: url, authorizeBase: url, ...app })
  const url = `http://127.0.0.1:${port}`
  const remote = { local: null, client: clientOf(url), stop: async () => undefined }
  const lock = lockDirectory(path.join(dataDirectory, 'tiktok.lock'))
  if (!lock && isRequired)
    throw new StartupError(
      `REELPILOT_DATA: another process uses ${dataDirectory}; stop it, or set another directory`,
    )
  if (!lock) return remote
  try {
    const { startLocalTikTok } = await import('../simulator/local-tiktok.ts')
    const local = await startLocalTikTok({
      port,
      directory: path.join(dataDirectory, 'tiktok'),
      app,
      settings: { autoApprove: false },
    })
    const stop = async () => {
      await local.stop()
      lock.release()
    }
    return { local, client: clientOf(local.url), stop }
  } catch (error) {
    lock.release()
    if (!isRequired && codeOf(error) === 'EADDRINUSE' && (await isRehearsalTikTok(url))) return remote
    throw explainListenError(error, { host: '127.0.0.1', port, portSetting: 'TIKTOK_LOCAL_PORT' })
  }
}

/** Whether a rehearsal's TikTok answers at a URL, such as one with another data directory on the same database. */
async function isRehearsalTikTok(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/__local/app`, { signal: AbortSignal.timeout(2_000) })
    .then((response): Promise<unknown> => response.json())
    .catch(() => null)
  return (
    typeof answer === 'object' &&
    answer !== null &&
    'clientKey' in answer &&
    answer.clientKey === app.clientKey
  )
}

/** Registers the API's redirect URI and webhook URL at the local TikTok. */
export function registerApp(
  local: LocalTikTok,
  { callbackUrl, webhookUrl }: { readonly callbackUrl: string; readonly webhookUrl: string },
): void {
  local.changeApp({ redirectUris: [callbackUrl], webhookUrl })
}
