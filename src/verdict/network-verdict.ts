import { verdictsOf } from './verdict-row.ts'

const lookedUp =
  'What became of it is looked up before anything is repeated. If it lasts, the operator looks at the line to TikTok; then retry the job.'

/** What the network did to a request, whomever it was for. */
export const networkVerdicts = verdictsOf('reelpilot', {
  notSent: {
    verdict: 'RETRY_AFTER',
    meaning: 'The other side is out of reach; the request was surely not sent.',
    nextStep:
      'Nothing needs doing: it is tried again. If it lasts, the operator looks at the name resolution and the line.',
    afterSeconds: 5,
  },
  timeout: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The request was sent and not answered in time.',
    nextStep: lookedUp,
    afterSeconds: 5,
  },
  connectionLost: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The connection broke after the request was sent, before its answer was read.',
    nextStep: lookedUp,
    afterSeconds: 5,
  },
  serverError: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The other side failed; whether it did what was asked is not known.',
    nextStep: lookedUp,
    afterSeconds: 30,
  },
  unreadable: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The answer is not of a kind that Reelpilot can read.',
    nextStep:
      'What became of it is looked up before anything is repeated. If it lasts, the operator reports it, with the answer that was kept.',
    afterSeconds: 30,
  },
  aborted: {
    verdict: 'OUTCOME_UNKNOWN',
    meaning: 'The process stopped while the request was under way.',
    nextStep:
      'What became of it is looked up, and the job goes on. If it does not, the operator looks into the log; then retry the job.',
  },
  ABORTED: {
    verdict: 'RETRY_AFTER',
    meaning: 'The process stopped before the request was sent.',
    nextStep: 'Nothing needs doing: the job goes on with the next worker.',
  },
  INVALID_REQUEST: {
    verdict: 'NEEDS_OPERATOR',
    meaning: 'The request could not even be built; nothing was sent.',
    nextStep: 'The operator reports this as a bug, with the log.',
  },
})

/**
 * The cause that a system's or an HTTP client's code stands for: `ECONNREFUSED` is `notSent`, `ECONNRESET` is
 * `connectionLost`. A code that both may show, such as `ETIMEDOUT`, takes the safer one. Undefined for other codes.
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
