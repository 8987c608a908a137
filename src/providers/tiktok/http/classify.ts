import { z } from 'zod'
import { isWorthRepeating } from '../../../../machines/rules/retry.ts'
import { readAnswer } from '../../read-answer.ts'
import type { CallFailure, Unknown } from './answer.ts'
import { keptRaw, redact } from './redact.ts'
import { retryAfterSeconds } from './retry-after.ts'
import type { Answered, Exchange } from './upstream.ts'

export interface ReadingRules {
  /** The form of an id that an unreadable answer may still show; its first group is the id. */
  readonly idPattern?: RegExp
  /** For a success body that says so little that any page would do as one. */
  readonly exactOnly?: boolean
}

/**
 * Judges an exchange, once and for all callers, by status and by code.
 *
 * TikTok has two shapes for an error, `{ error: { code } }` and OAuth's flat `{ error: 'code' }`; the envelope's code
 * decides even under HTTP 200, which is how `creator_info` says that a creator may not post. What fits nothing that we
 * know is `unknown`, the safest class.
 *
 * What may be read out of a mangled body, which a gateway or a proxy may have made of a good one:
 * - Success, also of a call that creates something. The schema wants every field and the closing word `ok`, and nothing is
 *   read out of half a body, so what is read is all that TikTok said. To drop it would only lose a post that exists.
 * - A refusal, if the status is a refusal too. Under 200 it would say "nothing was done" of a call that perhaps did it.
 * - An id alone: never as a success. It goes along with `unknown`, for whoever looks the truth up.
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
  const logId = optionalLogId(error?.logId ?? logIdIn(text))
  const seconds = retryAfterSeconds(headers)
  const retryAfter = seconds === undefined ? {} : { retryAfterSeconds: seconds }

  if (isSuccess && reported.kind === 'read' && reported.how !== 'exact') {
    return unreadable(exchange, `an error that is ${reported.how}`)
  }
  if (httpStatus === 429 || error?.code === 'rate_limit_exceeded') {
    return { kind: 'rateLimited', ...retryAfter, ...logId }
  }
  if (isWorthRepeating(httpStatus) || (error && serverErrors.has(error.code))) {
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
  const logId = optionalLogId(logIdIn(text))
  return { kind: 'unknown', cause: 'unreadable', httpStatus, raw: keptRaw(text), why, ...logId }
}

/** The log id of an answer that shows one, readable or not: it is what TikTok's support asks for. */
function logIdIn(text: string): string | undefined {
  return /\blog_?id[\\"']*\s*:\s*[\\"']+(\w{8,64})[\\"']/.exec(text)?.[1]
}

function optionalLogId(logId: string | undefined) {
  return logId ? { logId } : {}
}

/** The success body of every call but OAuth's: no other word than `ok` is success. */
export function envelope<Data extends z.ZodType>(data: Data) {
  return z.object({ data, error: z.object({ code: z.literal('ok') }) })
}

const tokenErrors: ReadonlySet<string> = new Set(['access_token_invalid', 'scope_not_authorized'])

// The last two are OAuth's (RFC 6749, section 5.2): after them a refresh token may or may not have been spent.
const serverErrors: ReadonlySet<string> = new Set([
  'internal_error',
  'server_error',
  'temporarily_unavailable',
])

// Whatever its companions look like, a code is not lost for them.
const words = z
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
        message: words,
        log_id: logId,
      }),
    })
    .transform(({ error }) => ({ code: error.code, message: error.message, logId: error.log_id })),
  z
    .object({ error: z.string().min(1), error_description: words, log_id: logId })
    .transform((body) => ({ code: body.error, message: body.error_description, logId: body.log_id })),
])
