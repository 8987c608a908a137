import type { Limiter, WindowRequest } from '../limiter.ts'
import { maxLogEntries } from '../memory/windows.ts'
import { spanOf } from '../sliding-window.ts'
import { validateAcquireRequest, validateTokenRequest } from '../validate.ts'
import { viewOf } from '../window-view.ts'
import { type RedisServer, RedisUnavailableError } from './redis-server.ts'
import { scripts } from './script.ts'

export interface RedisLimiterOptions {
  readonly server: RedisServer
  /** The server that keeps the limits. Another one, or the same after a restart, does not know what was granted. */
  readonly runId: string
  /** The prefix of all keys. */
  readonly prefix: string
  /** For how long nothing was granted elsewhere, in milliseconds. A window grants nothing until that is its span. */
  readonly exclusiveForMs: () => number
  /** Epoch milliseconds. Default: the server's clock. */
  readonly now?: () => number
}

/** Limits in Redis or Valkey: one script call each, by the server's clock. Every method throws `RedisUnavailableError`. */
export function createRedisLimiter(options: RedisLimiterOptions): Omit<Limiter, 'health'> {
  const { server, runId, prefix, exclusiveForMs, now } = options
  const time = () => now?.() ?? ''
  const ownerOf = (organizationId: string, scope: WindowRequest['scope']) =>
    scope === 'app' ? 'app' : organizationId
  const windowOf = (owner: string, key: string) => `${prefix}window:${owner}:${key}`

  return {
    async acquire(request) {
      validateAcquireRequest(request)
      const { organizationId, requester, windowRequests } = request
      const startedAt = performance.now()
      const span = Math.max(...windowRequests.map(({ window }) => spanOf(window)))
      const [kind, decidedAt, first, ...rest] = (await run(
        scripts.acquire,
        windowRequests.flatMap(({ key, scope }) => {
          const owner = ownerOf(organizationId, scope)
          return [windowOf(owner, key), `${prefix}queue:${owner}:${key}`, `${prefix}windows:${owner}`]
        }),
        [
          ...[
            time(),
            Math.ceil(Math.max(0, span - exclusiveForMs())),
            organizationId,
            requester,
            maxLogEntries,
          ],
          ...windowRequests.flatMap(({ key, scope, window }) => [
            ...[window.maxCalls, window.windowMs, window.marginMs],
            ...[scope === 'app' ? 1 : 0, key],
          ]),
        ],
      )) as [string, number, number, ...number[]]

      if (kind === 'deferred') {
        const limitedBy = windowRequests[(rest[0] ?? 1) - 1]?.key ?? ''
        return { kind, at: first, afterMs: first - decidedAt, limitedBy }
      }
      return {
        kind: 'granted',
        reservations: windowRequests.map(({ key, scope }, index) => ({
          key,
          scope,
          at: rest[index] ?? decidedAt,
        })),
        // Counted from before the call, so that it is rather too short than too long.
        usableForMs: first - decidedAt - (performance.now() - startedAt),
      }
    },

    async release(organizationId, reservations) {
      await run(
        scripts.release,
        reservations.map(({ key, scope }) => windowOf(ownerOf(organizationId, scope), key)),
        reservations.map(({ at }) => at),
      )
    },

    async consume(request) {
      validateTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const [consumed, remaining, afterMs] = (await run(
        scripts.consumeTokens,
        [`${prefix}bucket:${organizationId ?? 'app'}:${key}`],
        [time(), bucket.capacity, bucket.refillPerSecond, cost, Math.max(0, Math.floor(exclusiveForMs()))],
      )) as [number, number, number]
      return consumed === 1 ? { kind: 'consumed', remaining } : { kind: 'deferred', remaining, afterMs }
    },

    async windows(organizationId) {
      const [listedAt, ...rows] = (await run(
        scripts.listWindows,
        [`${prefix}windows:${organizationId}`],
        [time(), `${prefix}window:`, `${prefix}queue:`],
      )) as [number, ...WindowRow[]]
      return rows.map((row) => viewOf(stateOf(row), listedAt)).sort((a, b) => (a.key < b.key ? -1 : 1))
    },
  }

  /** The head of each script documents its answer. The wrong server changes nothing. */
  async function run(...[script, keys, args = []]: Parameters<RedisServer['run']>): Promise<unknown[]> {
    const answer = (await server.run(script, keys, [runId, ...args])) as unknown[]
    if (answer[0] === 'wrong-server')
      throw new RedisUnavailableError('another Redis server answers, or it was restarted')
    return answer
  }
}

type WindowRow = [
  key: string,
  maxCalls: string,
  windowMs: string,
  marginMs: string,
  log: number[],
  waiting: string[],
]

function stateOf([key, maxCalls, windowMs, marginMs, log, waiting]: WindowRow): Parameters<typeof viewOf>[0] {
  return {
    key,
    window: { maxCalls: Number(maxCalls), windowMs: Number(windowMs), marginMs: Number(marginMs) },
    log: pairsOf(log).map(([at, count]) => ({ at, count })),
    waiting: pairsOf(waiting).map(([member, at]) => ({
      requester: member.slice(member.indexOf(' ') + 1),
      at: Number(at),
    })),
  }
}

function pairsOf<Value>(flat: readonly Value[]): [Value, Value][] {
  return flat.flatMap((value, index) =>
    index % 2 === 0 ? [[value, flat[index + 1] ?? value] as [Value, Value]] : [],
  )
}
