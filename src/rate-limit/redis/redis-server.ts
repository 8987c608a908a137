import { createClient } from '@redis/client'
import type { Secret } from '../../secret.ts'
import { type Script, scripts } from './script.ts'

/** Redis did not answer in time, or not as it should. Whether anything was done is not known. */
export class RedisUnavailableError extends Error {
  override readonly name = 'RedisUnavailableError'
}

export interface RedisServerOptions {
  /** `redis://` or `rediss://`; Redis 7 or later, or Valkey; a single server, not a cluster. */
  readonly url: Secret
  readonly onError: (error: unknown) => void
  /** For an answer. A second unless told. */
  readonly deadlineMs?: number
  /** A pause in answering that is bridged. 2 seconds unless told. */
  readonly graceMs?: number
}

/** One connection, which comes back by itself; while it is gone, calls fail at once. */
export interface RedisServer {
  /** The run id of the server, if it has answered lately. It has another one after every start. */
  probe(): Promise<string | null>
  /** Throws `RedisUnavailableError`. */
  run(script: Script, keys: readonly string[], args?: readonly (string | number)[]): Promise<unknown>
  close(): void
}

/** Answers when the first attempt to connect has ended, one way or the other. */
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
  let isKnownToBeAway = false
  /** Told once until it is back: the client tries several times a second. */
  const away = (error: unknown) => {
    if (!isKnownToBeAway) onError(error)
    isKnownToBeAway = true
  }
  client.on('error', away)
  const settled = new Promise((resolve) => client.once('ready', resolve).once('error', resolve))
  // It ends when the client is closed, not before: a server that is not there yet may come.
  client.connect().catch(away)
  await settled

  let last: { readonly runId: string; readonly at: number } | undefined

  async function run(
    { text, sha1 }: Script,
    keys: readonly string[],
    args: readonly (string | number)[] = [],
  ) {
    const given = { keys: [...keys], arguments: args.map(String) }
    const known = client.evalSha(sha1, given)
    const done = known.catch((error) =>
      isUnknownScript(error) ? client.eval(text, given) : Promise.reject(error),
    )
    try {
      return await within(deadlineMs, done)
    } catch (cause) {
      throw new RedisUnavailableError('Redis is out of reach', { cause })
    }
  }

  return {
    run,
    async probe() {
      try {
        const [runId, problem] = (await run(scripts.identify, ['reelpilot:limits:alive'])) as [string, string]
        if (problem) {
          away(new Error(problem))
          return null
        }
        last = { runId, at: performance.now() }
        isKnownToBeAway = false
        return runId
      } catch (error) {
        away(error)
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
