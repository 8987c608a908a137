import type { Limiter, WindowRequest } from '../limiter.ts'
import { maxLogEntries } from '../memory/windows.ts'
import { spanOf } from '../sliding-window.ts'
import { validateAcquireRequest, validateTokenRequest } from '../validate.ts'
import { viewOf } from '../window-view.ts'
import { type RedisServer, RedisUnavailableError } from './redis-server.ts'
import { scripts } from './script.ts'

export interface RedisLimiterOptions {
  readonly server: RedisServer
  /** The only server that is asked: another one, or the same started again, does not know what was granted. */
  readonly runId: string
  /** Keys begin with it. */
  readonly prefix: string
  /** For how long nothing has been granted anywhere but here, in milliseconds; windows open when that is their span. */
  readonly exclusiveForMs: () => number
  /** Of the server, for tests. */
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
      const askedAt = performance.now()
      const span = Math.max(...windowRequests.map(({ window }) => spanOf(window)))
      const [kind, decidedAt, first, ...rest] = (await run(
        scripts.acquirePlaces,
        windowRequests.flatMap(({ key, scope }) => {
          const owner = ownerOf(organizationId, scope)
          return [windowOf(owner, key), `${prefix}line:${owner}:${key}`, `${prefix}windows:${owner}`]
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
        // Counted from the question, which was before the answer: rather too short than too long.
        usableForMs: first - decidedAt - (performance.now() - askedAt),
      }
    },

    async release(organizationId, places) {
      await run(
        scripts.giveBackPlaces,
        places.map(({ key, scope }) => windowOf(ownerOf(organizationId, scope), key)),
        places.map(({ at }) => at),
      )
    },

    async take(request) {
      validateTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const [taken, remaining, afterMs] = (await run(
        scripts.takeTokens,
        [`${prefix}bucket:${organizationId ?? 'app'}:${key}`],
        [time(), bucket.capacity, bucket.refillPerSecond, cost, Math.max(0, Math.floor(exclusiveForMs()))],
      )) as [number, number, number]
      return taken === 1 ? { kind: 'taken', remaining } : { kind: 'deferred', remaining, afterMs }
    },

    async windows(organizationId) {
      const [listedAt, ...rows] = (await run(
        scripts.listWindows,
        [`${prefix}windows:${organizationId}`],
        [time(), `${prefix}window:`, `${prefix}line:`],
      )) as [number, ...WindowRow[]]
      return rows.map((row) => viewOf(keptOf(row), listedAt)).sort((a, b) => (a.key < b.key ? -1 : 1))
    },
  }

  /** The scripts answer what their heads say; a stranger answers so before it does anything. */
  async function run(...[script, keys, args = []]: Parameters<RedisServer['run']>): Promise<unknown[]> {
    const answer = (await server.run(script, keys, [runId, ...args])) as unknown[]
    if (answer[0] === 'stranger')
      throw new RedisUnavailableError('another Redis answers, or the same was started again')
    return answer
  }
}

type WindowRow = [
  key: string,
  maxCalls: string,
  windowMs: string,
  marginMs: string,
  places: number[],
  waiting: string[],
]

function keptOf([key, maxCalls, windowMs, marginMs, places, waiting]: WindowRow): Parameters<
  typeof viewOf
>[0] {
  return {
    key,
    window: { maxCalls: Number(maxCalls), windowMs: Number(windowMs), marginMs: Number(marginMs) },
    log: pairsOf(places).map(([at, count]) => ({ at, count })),
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
