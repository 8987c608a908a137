import { verdictsOf } from './verdict-row.ts'

const lookedUp =
  'The outcome is looked up before anything is repeated. If this persists, the operator checks the network connection to TikTok; then retry the job.'

/** Network failures of a request to any host. */
export const networkVerdicts = verdictsOf('reelpilot', {
  notSent: {
    verdict: 'RETRY_AFTER',
    meaning: 'The host is unreachable; the request was not sent.',
    nextStep:
      'No action needed: the request is retried automatically. If this persists, the operator checks the name resolution and the network connection.',
    afterSeconds: 5,
  },
  timeout: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The request was sent and was not answered in time.',
    nextStep: lookedUp,
    afterSeconds: 5,
  },
  connectionLost: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The connection broke after the request was sent and before its response was read.',
    nextStep: lookedUp,
    afterSeconds: 5,
  },
  serverError: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The host failed with a server error; the outcome of the request is unknown.',
    nextStep: lookedUp,
    afterSeconds: 30,
  },
  unreadable: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The response has a format that Reelpilot cannot read.',
    nextStep:
      'The outcome is looked up before anything is repeated. If this persists, the operator reports it as a bug, with the stored response.',
    afterSeconds: 30,
  },
  aborted: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The process stopped while the request was in progress.',
    nextStep:
      'The outcome is looked up, and the job continues automatically. If it does not, the operator checks the log; then retry the job.',
  },
  ABORTED: {
    verdict: 'RETRY_AFTER',
    meaning: 'The process stopped before the request was sent.',
    nextStep: 'No action needed: the job continues automatically on the next worker.',
  },
  INVALID_REQUEST: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The request could not be built; nothing was sent.',
    nextStep: 'The operator reports this as a bug, with the log.',
  },
})

/**
 * Maps an error code of the operating system or the HTTP client to its cause: `ECONNREFUSED` to `notSent`, `ECONNRESET` to
 * `connectionLost`. An ambiguous code, such as `ETIMEDOUT`, maps to the safer one. Undefined for other codes.
 */
export function networkCauseOf(code: string): 'notSent' | 'connectionLost' | undefined {
  if (neverConnected.has(code) || /^(CERT|ERR_TLS|ERR_SSL|UNABLE_TO)_|SELF_SIGNED/.test(code))
    return 'notSent'
  return /^(E[A-Z]{3,}|UND_ERR_[A-Z_]+)$/.test(code) ? 'connectionLost' : undefined
}

const neverConnected: ReadonlySet<string> = new Set([
  'CONNECT',
  'EADDRNOTAVAIL',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'UND_ERR_CONNECT_TIMEOUT',
])
