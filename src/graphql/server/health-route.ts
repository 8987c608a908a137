import type { ServerResponse } from 'node:http'
import type { LimiterHealth } from '../../rate-limit/limiter.ts'

/** What a readiness check found. */
export interface Readiness {
  readonly ok: boolean
  /** Each thing that was checked, by name. */
  readonly checks?: { readonly [name: string]: boolean }
  /** Of each check that failed: what is wrong and what to do, in plain words. */
  readonly problems?: readonly string[]
}

/** `/livez`: the event loop turns, or this would not be answered. */
export function sendAlive(response: ServerResponse): void {
  sendJson(response, 200, { ok: true })
}

/**
 * `/readyz`: whether to send requests here. A process that drains says no, so that the next ones go elsewhere. One whose
 * limits are not where they are shared says yes, and that it is degraded: it works, at its share of each limit.
 */
export async function sendReadiness(
  response: ServerResponse,
  draining: boolean,
  ready: () => Promise<Readiness>,
  { store, since, reason, shares }: LimiterHealth,
): Promise<void> {
  const found = draining
    ? { ok: false, checks: { accepting: false } }
    : await ready().catch(() => ({ ok: false }))
  const limits = { store, since: new Date(since).toISOString(), reason, shares }
  const degraded = store === 'memory' || store === 'none'
  sendJson(response, found.ok ? 200 : 503, { ...found, degraded, limits })
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('cache-control', 'no-store')
  response.end(JSON.stringify(body))
}
