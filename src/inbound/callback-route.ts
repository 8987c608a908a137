import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '../logger.ts'
import { asUnavailable } from '../store/unavailable.ts'
import { type CallbackOutcome, sendCallbackPage } from './callback-page.ts'
import { type FinishConnectingDeps, finishConnecting } from './finish-connecting.ts'

/** Serves TikTok's redirect after consent. A person waits for the answer, so every outcome is a page. */
export function createCallbackRoute(deps: FinishConnectingDeps, publicUrl: () => string, log: Logger) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', publicUrl())
    sendCallbackPage(response, await finishConnecting(deps, url).catch((error) => outcomeOfError(error, log)))
  }
}

function outcomeOfError(error: unknown, log: Logger): CallbackOutcome {
  const unavailable = asUnavailable(error)
  if (unavailable) return { kind: 'unavailable', retryAfterSeconds: unavailable.retryAfterSeconds }
  const requestId = randomUUID()
  log.error({ err: error, requestId }, 'connecting an account failed')
  return { kind: 'internalError', requestId }
}
