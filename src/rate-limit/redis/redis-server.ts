import { createClient } from '@redis/client'
import type { Secret } from '../../secret.ts'
import { type Script, scripts } from './script.ts'

/** Redis gave no usable answer in time. Whether the script ran is unknown. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError'
}

export interface RedisServerOptions {
  /** `redis://` or `rediss://`; Redis 7 or later, or Valkey; a single server, not a cluster. */
  readonly url: Secret
  /** Called once for each outage, not for each failed attempt. */
  readonly onError: (error: unknown) => void
  /** The time that an answer can take. Default: 1 s. */
  readonly deadlineMs?: number
  /** How long `probe` still returns the last run id while the server does not answer. Default: 2 s. */
  readonly graceMs?: number
}

/** One connection, which reconnects. While it is lost, calls fail at once. */
export interface RedisServer {
  /** The server's run id, which changes with every start; null if it does not answer or cannot be used. */
  probe(): Promise<string | null>
  /** Throws `RedisUnavailableError`. */
  run(script: Script, keys: readonly string[], args?: readonly (string | number)[]): Promise<unknown>
  close(): void
}

/** Resolves when the first attempt to connect has succeeded or failed. */
export async function connectRedis(options: RedisServerOptions): Promise<RedisServer> {
  const { url, onError, deadlineMs = 1_000, graceMs = 2_000 } = options
  const client = createClient({
    url: url.reveal(),
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: 'disabled',
    socket: {
      connectTimeout: deadlineMs,
      reconnectStrategy: (retries) => Math.min(50 * 2 ** retries, 1_000),
    },
  })
  let isOutageReported = false
  const reportOutage = (error: unknown) => {
    if (!isOutageReported) onError(error)
    isOutageReported = true
  }
  client.on('error', reportOutage)
  const settled = new Promise((resolve) => client.once('ready', resolve).once('error', resolve))
  // `connect` keeps trying until the client is closed: a server that is not up yet may come.
  client.connect().catch(reportOutage)
  await settled

  let last: { readonly runId: string; readonly at: number } | undefined

  async function run(
    { text, sha1 }: Script,
    keys: readonly string[],
    args: readonly (string | number)[] = [],
  ) {
    const input = { keys: [...keys], arguments: args.map(String) }
    const result = client
      .evalSha(sha1, input)
      .catch((error) => (isUnknownScript(error) ? client.eval(text, input) : Promise.reject(error)))
    try {
      return await within(deadlineMs, result)
    } catch (cause) {
      throw new RedisUnavailableError('Redis is unavailable', { cause })
    }
  }

  return {
    run,
    async probe() {
      try {
        const [runId, problem] = (await run(scripts.probe, ['reelpilot:limits:alive'])) as [string, string]
        if (problem) {
          reportOutage(new Error(problem))
          return null
        }
        last = { runId, at: performance.now() }
        isOutageReported = false
        return runId
      } catch (error) {
        reportOutage(error)
        return last && performance.now() - last.at < graceMs ? last.runId : null
      }
    },
    close: () => client.destroy(),
  }
}

const isUnknownScript = (error: unknown) => error instanceof Error && error.message.startsWith('NOSCRIPT')

async function within<Value>(ms: number, work: Promise<Value>): Promise<Value> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
