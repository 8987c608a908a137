import { z } from 'zod'
import type { Failure } from './answer.ts'
import { parseExactJson } from './exact-json.ts'
import { retryAfterSeconds } from './retry-after.ts'
import type { Exchange } from './upstream.ts'

/**
 * Judges an exchange, once and for all callers, by status and by code.
 *
 * TikTok has two shapes for an error, `{ error: { code } }` and OAuth's flat `{ error: 'code' }`; the envelope's code
 * decides even under HTTP 200, which is how `creator_info` says that a creator may not post. What fits nothing that we
 * know is `unknown`, the safest class.
 */
export function classify<Body>(
  exchange: Exchange,
  success: z.ZodType<Body>,
): { readonly kind: 'ok'; readonly body: Body } | Failure {
  if (exchange.kind !== 'answered') return exchange

  const { httpStatus, headers } = exchange
  const json = parseOrUndefined(exchange.text)
  const error = reportedError.safeParse(json).data
  const logId = error?.logId ? { logId: error.logId } : {}
  const seconds = retryAfterSeconds(headers)
  const retryAfter = seconds === undefined ? {} : { retryAfterSeconds: seconds }

  if (httpStatus === 429 || error?.code === 'rate_limit_exceeded') {
    return { kind: 'rateLimited', ...retryAfter, ...logId }
  }
  if (httpStatus >= 500 || (error && serverErrors.has(error.code))) {
    const code = error ? { code: error.code } : {}
    return { kind: 'unknown', cause: 'serverError', httpStatus, ...code, ...retryAfter, ...logId }
  }
  if (error && tokenErrors.has(error.code)) return { kind: 'unauthorized', code: error.code, ...logId }
  if (error) return { kind: 'refused', httpStatus, code: error.code, message: error.message, ...logId }
  if (httpStatus === 401) return { kind: 'unauthorized', code: 'http_401' }

  const parsed = httpStatus >= 200 && httpStatus < 300 ? success.safeParse(json) : undefined
  return parsed?.success
    ? { kind: 'ok', body: parsed.data }
    : { kind: 'unknown', cause: 'unreadable', httpStatus }
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

const logId = z.string().optional()

const reportedError = z.union([
  z
    .object({
      error: z.object({
        code: z.string().refine((code) => code !== 'ok'),
        message: z.string().default(''),
        log_id: logId,
      }),
    })
    .transform(({ error }) => ({ code: error.code, message: error.message, logId: error.log_id })),
  z
    .object({ error: z.string().min(1), error_description: z.string().default(''), log_id: logId })
    .transform((body) => ({ code: body.error, message: body.error_description, logId: body.log_id })),
])

function parseOrUndefined(text: string): unknown {
  try {
    return parseExactJson(text)
  } catch {
    return undefined
  }
}
