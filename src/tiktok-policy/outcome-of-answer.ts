import type { CallOutcome } from '../circuit-breaker/outcome.ts'
import type { Answer } from '../providers/tiktok/http/answer.ts'

/** What an answer says about TikTok's host. Faults of the request, the account or our call rate are not faults of the host. */
export function hostOutcome(answer: Answer<unknown>): CallOutcome {
  switch (answer.kind) {
    case 'ok':
    case 'refused':
    case 'unauthorized':
    case 'rateLimited':
      return { kind: 'success' }
    case 'deferred':
      return { kind: 'notExecuted' }
    case 'notSent':
      return localCodes.has(answer.code) ? { kind: 'notExecuted' } : { kind: 'failure' }
    case 'unknown':
      switch (answer.cause) {
        case 'serverError':
        case 'timeout':
        case 'connectionLost': {
          const { retryAfterSeconds: afterSeconds } = answer
          return { kind: 'failure', ...(afterSeconds !== undefined && { afterSeconds }) }
        }
        case 'aborted':
          return { kind: 'notExecuted' }
        case 'unreadable':
          return { kind: 'ignored' }
      }
  }
}

/** What an answer says about the caller's account: whether TikTok still serves it. */
export function accountOutcome(answer: Answer<unknown>): CallOutcome {
  switch (answer.kind) {
    case 'ok':
      return { kind: 'success' }
    case 'refused':
      return bannedCodes.has(answer.code) ? { kind: 'failure' } : { kind: 'success' }
    case 'unauthorized':
      return invalidTokenCodes.has(answer.code) ? { kind: 'failure' } : { kind: 'success' }
    case 'rateLimited':
      return { kind: 'ignored' }
    default: {
      const ofHost = hostOutcome(answer)
      return ofHost.kind === 'failure' ? { kind: 'ignored' } : ofHost
    }
  }
}

/** Codes of `notSent` that this process caused, not the network. */
const localCodes: ReadonlySet<string> = new Set(['ABORTED', 'INVALID_REQUEST'])

/** `scope_not_authorized` is not among them: a missing scope closes some calls only and is no fault of the account. */
const invalidTokenCodes: ReadonlySet<string> = new Set(['access_token_invalid', 'http_401'])

const bannedCodes: ReadonlySet<string> = new Set(['spam_risk_user_banned_from_posting'])
