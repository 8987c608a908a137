import type { NotSent, Unknown } from './answer.ts'
import { redactedRaw } from './redact.ts'

/** A host, how to reach it, and the deadline of one call. */
export interface Upstream {
  readonly base: string
  readonly deadlineMs: number
  readonly fetch: typeof fetch
}

export interface Answered {
  readonly kind: 'answered'
  readonly httpStatus: number
  readonly headers: Headers
  readonly text: string
}

/** One HTTP exchange before its answer is classified. */
export type Exchange = Answered | NotSent | Unknown

// TikTok's longest answer, twenty videos, is far below this. A gateway's endless page must not fill the memory.
const maxAnswerBytes = 1_000_000

/**
 * Sends one request and reads the whole answer within the deadline.
 *
 * Redirects are not followed (`manual`, so that their status stays visible): the request carries a credential that belongs
 * to one host only.
 */
export async function exchange(
  upstream: Omit<Upstream, 'base'>,
  url: string,
  init: RequestInit,
  signal: AbortSignal | undefined,
): Promise<Exchange> {
  if (signal?.aborted) return { kind: 'notSent', code: 'ABORTED' }

  const request = buildRequest(url, init)
  if (!request) return { kind: 'notSent', code: 'INVALID_REQUEST' }

  // A call is never retried here; the machine decides on retries (machines/rules/retry.ts). The platform's own deadline
  // suffices: a resilience library's timeout would hand `fetch` such a signal as well.
  const deadline = AbortSignal.timeout(upstream.deadlineMs)
  try {
    const response = await upstream.fetch(request, {
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    const { status: httpStatus, headers } = response
    const { text, isWhole } = await readText(response)
    if (isWhole) return { kind: 'answered', httpStatus, headers, text }
    const why = `longer than ${maxAnswerBytes} bytes`
    return { kind: 'unknown', cause: 'unreadable', httpStatus, raw: redactedRaw(text), why }
  } catch (error) {
    if (signal?.aborted) return { kind: 'unknown', cause: 'aborted' }
    if (deadline.aborted) return { kind: 'unknown', cause: 'timeout' }
    return networkFailure(error)
  }
}

/**
 * `Retry-After` in seconds, from either of its two forms (RFC 9110, section 10.2.3); undefined for anything else. A date is
 * compared with the answer's own `Date`, so that our clock does not matter; `now` is used only when the answer has none.
 */
export function retryAfterSeconds(headers: Headers, now = Date.now()): number | undefined {
  const value = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,9}$/.test(value)) return Number(value)

  const retryAt = parseHttpDate(value)
  if (retryAt === undefined) return undefined
  const answeredAt = parseHttpDate(headers.get('date') ?? '') ?? now
  return Math.max(0, Math.ceil((retryAt - answeredAt) / 1_000))
}

/** Any of HTTP's three date formats, as epoch milliseconds. The oldest one (asctime) omits "GMT" but means it. */
function parseHttpDate(date: string): number | undefined {
  if (!/^[A-Z][a-z]{2,8},? /.test(date)) return undefined
  const instant = Date.parse(date.endsWith(' GMT') ? date : `${date} GMT`)
  return Number.isNaN(instant) ? undefined : instant
}

// What cannot be a request, such as a token with a line break, fails here, before anything is sent. The error quotes the
// value, so it is dropped.
function buildRequest(url: string, init: RequestInit): Request | undefined {
  try {
    return new Request(url, { ...init, redirect: 'manual' })
  } catch {
    return undefined
  }
}

async function readText(response: Response): Promise<{ readonly text: string; readonly isWhole: boolean }> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.byteLength
    if (bytes > maxAnswerBytes) return { text, isWhole: false }
    text += decoder.decode(part, { stream: true })
  }
  return { text: text + decoder.decode(), isWhole: true }
}

// `fetch` throws "fetch failed" with the system's error as the cause. The cause's code and system call are safe to pass
// on; its message is not.
function networkFailure(error: unknown): NotSent | Unknown {
  const cause = error instanceof Error ? error.cause : undefined
  const { code, syscall } = systemError(cause)
  if (syscall === 'getaddrinfo' || syscall === 'connect' || handshakeFailures.has(code ?? '')) {
    return { kind: 'notSent', code: code ?? syscall ?? 'CONNECT' }
  }
  return { kind: 'unknown', cause: 'connectionLost', ...(code && { code }) }
}

/** Codes that `fetch` reports before the first byte of the request has been sent. */
const handshakeFailures: ReadonlySet<string> = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

function systemError(cause: unknown): { readonly code?: string; readonly syscall?: string } {
  // A host with several addresses fails once per address.
  const first = cause instanceof AggregateError ? cause.errors[0] : cause
  if (!(first instanceof Error)) return {}

  const { code, syscall } = first as NodeJS.ErrnoException // Its fields are optional, and checked below.
  return {
    ...(typeof code === 'string' && { code }),
    ...(typeof syscall === 'string' && { syscall }),
  }
}
