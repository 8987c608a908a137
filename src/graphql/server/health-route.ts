import type { ServerResponse } from 'node:http'
import type { LimiterHealth } from '../../rate-limit/limiter.ts'

export interface Readiness {
  readonly ok: boolean
  /** The result of each check, by name. */
  readonly checks?: { readonly [name: string]: boolean }
  /** For each failed check, what is wrong and what to do. */
  readonly problems?: readonly string[]
}

/** `/livez`: a response proves that the event loop runs. */
export function sendAlive(response: ServerResponse): void {
  sendJson(response, 200, { ok: true })
}

/**
 * `/readyz`: 200 if the process accepts requests, 503 if a check fails or the process is draining. `degraded` is true while
 * the shared limit store is unavailable: the process then works with its own share of each limit.
 */
export async function sendReadiness(
  response: ServerResponse,
  isDraining: boolean,
  checkReadiness: () => Promise<Readiness>,
  { store, since, reason, shares }: LimiterHealth,
): Promise<void> {
  const readiness = isDraining
    ? { ok: false, checks: { accepting: false } }
    : await checkReadiness().catch(() => ({ ok: false }))
  const limits = { store, since: new Date(since).toISOString(), reason, shares }
  const degraded = store === 'memory' || store === 'none'
  sendJson(response, readiness.ok ? 200 : 503, { ...readiness, degraded, limits })
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('cache-control', 'no-store')
  response.end(JSON.stringify(body))
}
