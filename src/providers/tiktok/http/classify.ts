import { z } from 'zod'
import { isRetryableStatus } from '../../../../machines/rules/retry.ts'
import { readAnswer } from '../../read-answer.ts'
import type { CallFailure, Unknown } from './answer.ts'
import { redact, redactedRaw } from './redact.ts'
import { type Answered, type Exchange, retryAfterSeconds } from './upstream.ts'

export interface ReadingRules {
  /** Finds an id in an unreadable answer; its first group is the id. */
  readonly idPattern?: RegExp
  /** Accepts only exact JSON: for a success body so small that any page could be repaired into it. */
  readonly exactOnly?: boolean
}

/**
 * Classifies an exchange by status and code. Every call to TikTok is classified here.
 *
 * TikTok has two error shapes, `{ error: { code } }` and OAuth's flat `{ error: 'code' }`. The envelope's code decides even
 * under HTTP 200, which is how `creator_info` reports that a creator may not post. An unrecognised answer is `unknown`, the
 * safest class.
 *
 * A gateway or a proxy may have mangled a valid body. From such a body this reads:
 * - A success, also of a call that creates something. The schema requires every field and the final code `ok`, and half a
 *   body is never read, so what is read is complete. Dropping it would lose a post that exists.
 * - A refusal, if the HTTP status is a refusal too. Under 200 it would claim "nothing was done" of a call that may have
 *   done it.
 * - An id alone, never as a success: it is returned with `unknown`, so that the outcome can be looked up.
 */
export function classify<Body>(
  exchange: Exchange,
  success: z.ZodType<Body>,
  rules: ReadingRules = {},
): { readonly kind: 'ok'; readonly body: Body } | CallFailure {
  if (exchange.kind !== 'answered') return exchange

  const { httpStatus, headers, text } = exchange
  const isSuccess = httpStatus >= 200 && httpStatus < 300
  const reported = readAnswer(text, reportedError)
  const error = reported.kind === 'read' ? reported.value : undefined
  const logId = optionalLogId(error?.logId ?? findLogId(text))
  const seconds = retryAfterSeconds(headers)
  const retryAfter = seconds === undefined ? {} : { retryAfterSeconds: seconds }

  if (isSuccess && reported.kind === 'read' && reported.how !== 'exact') {
    return unreadable(exchange, `an error that is ${reported.how}`)
  }
  if (httpStatus === 429 || error?.code === 'rate_limit_exceeded') {
    return { kind: 'rateLimited', ...retryAfter, ...logId }
  }
  if (isRetryableStatus(httpStatus) || (error && serverErrors.has(error.code))) {
    const code = error ? { code: error.code } : {}
    return { kind: 'unknown', cause: 'serverError', httpStatus, ...code, ...retryAfter, ...logId }
  }
  if (error && tokenErrors.has(error.code)) return { kind: 'unauthorized', code: error.code, ...logId }
  if (error) return { kind: 'refused', httpStatus, code: error.code, message: error.message, ...logId }
  if (httpStatus === 401) return { kind: 'unauthorized', code: 'http_401', ...logId }
  if (!isSuccess) return unreadable(exchange, 'no code that says why')

  const read = readAnswer(text, success, rules)
  switch (read.kind) {
    case 'read':
      if (rules.exactOnly && read.how !== 'exact')
        return unreadable(exchange, `a success that is ${read.how}`)
      return { kind: 'ok', body: read.value }
    case 'idOnly':
      return { ...unreadable(exchange, read.why), publishId: read.id }
    case 'unreadable':
      return unreadable(exchange, read.why)
  }
}

function unreadable({ httpStatus, text }: Answered, why: string): Unknown {
  const logId = optionalLogId(findLogId(text))
  return { kind: 'unknown', cause: 'unreadable', httpStatus, raw: redactedRaw(text), why, ...logId }
}

/** The log id in an answer's text, readable or not. TikTok's support asks for it. */
function findLogId(text: string): string | undefined {
  return /\blog_?id[\\"']*\s*:\s*[\\"']+(\w{8,64})[\\"']/.exec(text)?.[1]
}

function optionalLogId(logId: string | undefined) {
  return logId ? { logId } : {}
}

/** The success body of every call but OAuth's: only the code `ok` is success. */
export function envelope<Data extends z.ZodType>(data: Data) {
  return z.object({ data, error: z.object({ code: z.literal('ok') }) })
}

const tokenErrors: ReadonlySet<string> = new Set(['access_token_invalid', 'scope_not_authorized'])

// The last two are OAuth's (RFC 6749, section 5.2): after them a refresh token may or may not have been used up.
const serverErrors: ReadonlySet<string> = new Set([
  'internal_error',
  'server_error',
  'temporarily_unavailable',
])

// An invalid message or log id must not lose the code beside it.
const message = z
  .string()
  .catch('')
  .transform((text) => redact(text.slice(0, 1000)))
const logId = z.string().optional().catch(undefined)

const reportedError = z.union([
  z
    .object({
      error: z.object({
        code: z
          .string()
          .min(1)
          .refine((code) => code !== 'ok'),
        message,
        log_id: logId,
      }),
    })
    .transform(({ error }) => ({ code: error.code, message: error.message, logId: error.log_id })),
  z
    .object({ error: z.string().min(1), error_description: message, log_id: logId })
    .transform((body) => ({ code: body.error, message: body.error_description, logId: body.log_id })),
])
