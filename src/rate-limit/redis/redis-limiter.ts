import type { Demand, Limiter } from '../limiter.ts'
import { longestLog } from '../memory/windows.ts'
import { spanOf } from '../sliding-window.ts'
import { checkPlaceRequest, checkTokenRequest } from '../validate.ts'
import { viewOf } from '../window-view.ts'
import { RedisOutOfReach, type RedisServer } from './redis-server.ts'
import { scripts } from './script.ts'

export interface RedisLimiterOptions {
  readonly server: RedisServer
  /** The only server that is asked: another one, or the same started again, does not know what was granted. */
  readonly runId: string
  /** Keys begin with it. */
  readonly prefix: string
  /** For how long nothing has been granted anywhere but here, in milliseconds; windows open when that is their span. */
  readonly quietMs: () => number
  /** Of the server, for tests. */
  readonly now?: () => number
}

/** Limits in Redis or Valkey: one script call each, by the server's clock. Every method throws `RedisOutOfReach`. */
export function createRedisLimiter(options: RedisLimiterOptions): Omit<Limiter, 'health'> {
  const { server, runId, prefix, quietMs, now } = options
  const time = () => now?.() ?? ''
  const ownerOf = (organizationId: string, scope: Demand['scope']) =>
    scope === 'app' ? 'app' : organizationId
  const windowOf = (owner: string, key: string) => `${prefix}window:${owner}:${key}`

  return {
    async acquire(request) {
      checkPlaceRequest(request)
      const { organizationId, holder, demands } = request
      const askedAt = performance.now()
      const span = Math.max(...demands.map(({ window }) => spanOf(window)))
      const [kind, decidedAt, first, ...rest] = (await run(
        scripts.acquirePlaces,
        demands.flatMap(({ key, scope }) => {
          const owner = ownerOf(organizationId, scope)
          return [windowOf(owner, key), `${prefix}line:${owner}:${key}`, `${prefix}windows:${owner}`]
        }),
        [
          ...[time(), Math.ceil(Math.max(0, span - quietMs())), organizationId, holder, longestLog],
          ...demands.flatMap(({ key, scope, window }) => [
            ...[window.most, window.windowMs, window.marginMs],
            ...[scope === 'app' ? 1 : 0, key],
          ]),
        ],
      )) as [string, number, number, ...number[]]

      if (kind === 'later') {
        const limitedBy = demands[(rest[0] ?? 1) - 1]?.key ?? ''
        return { kind, at: first, afterMs: first - decidedAt, limitedBy }
      }
      return {
        kind: 'granted',
        places: demands.map(({ key, scope }, index) => ({ key, scope, at: rest[index] ?? decidedAt })),
        // Counted from the question, which was before the answer: rather too short than too long.
        usableForMs: first - decidedAt - (performance.now() - askedAt),
      }
    },

    async giveBack(organizationId, places) {
      await run(
        scripts.giveBackPlaces,
        places.map(({ key, scope }) => windowOf(ownerOf(organizationId, scope), key)),
        places.map(({ at }) => at),
      )
    },

    async take(request) {
      checkTokenRequest(request)
      const { organizationId, key, bucket, cost } = request
      const [taken, left, afterMs] = (await run(
        scripts.takeTokens,
        [`${prefix}bucket:${organizationId ?? 'app'}:${key}`],
        [time(), bucket.capacity, bucket.refillPerSecond, cost, Math.max(0, Math.floor(quietMs()))],
      )) as [number, number, number]
      return taken === 1 ? { kind: 'taken', left } : { kind: 'later', left, afterMs }
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
      throw new RedisOutOfReach('another Redis answers, or the same was started again')
    return answer
  }
}

type WindowRow = [
  key: string,
  most: string,
  windowMs: string,
  marginMs: string,
  places: number[],
  waiting: string[],
]

function keptOf([key, most, windowMs, marginMs, places, waiting]: WindowRow): Parameters<typeof viewOf>[0] {
  return {
    key,
    window: { most: Number(most), windowMs: Number(windowMs), marginMs: Number(marginMs) },
    log: pairsOf(places).map(([at, count]) => ({ at, count })),
    waiting: pairsOf(waiting).map(([member, at]) => ({
      holder: member.slice(member.indexOf(' ') + 1),
      at: Number(at),
    })),
  }
}

function pairsOf<Value>(flat: readonly Value[]): [Value, Value][] {
  return flat.flatMap((value, index) =>
    index % 2 === 0 ? [[value, flat[index + 1] ?? value] as [Value, Value]] : [],
  )
}
