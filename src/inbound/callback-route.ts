import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../logger.ts'
import { unavailableOf } from '../store/unavailable.ts'
import { type CallbackOutcome, sendCallbackPage } from './callback-page.ts'
import { type FinishConnectingDeps, finishConnecting } from './finish-connecting.ts'

/** Where TikTok sends the browser back to: whatever happens, a person sits before it and is shown a page. */
export function createCallbackRoute(deps: FinishConnectingDeps, publicUrl: () => string, log: Logger) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', publicUrl())
    sendCallbackPage(response, await finishConnecting(deps, url).catch((error) => toldOf(error, log)))
  }
}

function toldOf(error: unknown, log: Logger): CallbackOutcome {
  const unavailable = unavailableOf(error)
  if (unavailable) return { kind: 'unavailable', retryAfterSeconds: unavailable.retryAfterSeconds }
  const requestId = randomUUID()
  log.error({ err: error, requestId }, 'an account could not be connected')
  return { kind: 'broken', requestId }
}
