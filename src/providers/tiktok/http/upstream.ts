import type { NotSent, Unknown } from './answer.ts'
import { keptRaw } from './redact.ts'

/** Whom to call, how, and for how long at most. */
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

/** One HTTP exchange as it went, before anybody judges what was answered. */
export type Exchange = Answered | NotSent | Unknown

// TikTok's longest answer, twenty videos, is far below; a gateway's endless page is not worth the memory.
const answerLimitBytes = 1_000_000

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

  const request = build(url, init)
  if (!request) return { kind: 'notSent', code: 'INVALID_REQUEST' }

  // All that happens inside a call: whether there is another is for the machine (machines/rules/retry.ts). The platform's own
  // deadline is enough; a resilience library's timeout would only hand `fetch` such a signal.
  const deadline = AbortSignal.timeout(upstream.deadlineMs)
  try {
    const response = await upstream.fetch(request, {
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    const { status: httpStatus, headers } = response
    const { text, isWhole } = await readText(response)
    if (isWhole) return { kind: 'answered', httpStatus, headers, text }
    const why = `longer than ${answerLimitBytes} bytes`
    return { kind: 'unknown', cause: 'unreadable', httpStatus, raw: keptRaw(text), why }
  } catch (error) {
    if (signal?.aborted) return { kind: 'unknown', cause: 'aborted' }
    if (deadline.aborted) return { kind: 'unknown', cause: 'timeout' }
    return networkFailure(error)
  }
}

// What cannot be a request (a line break in a token) fails here, where nothing has left yet. The error quotes the value,
// so it goes no further.
function build(url: string, init: RequestInit): Request | undefined {
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
    if (bytes > answerLimitBytes) return { text, isWhole: false }
    text += decoder.decode(part, { stream: true })
  }
  return { text: text + decoder.decode(), isWhole: true }
}

// `fetch` says "fetch failed" and keeps the system's error as the cause; from that, the code and the system call are safe
// to pass on, the message is not.
function networkFailure(error: unknown): NotSent | Unknown {
  const cause = error instanceof Error ? error.cause : undefined
  const { code, syscall } = systemError(cause)
  if (syscall === 'getaddrinfo' || syscall === 'connect' || handshakeFailures.has(code ?? '')) {
    return { kind: 'notSent', code: code ?? syscall ?? 'CONNECT' }
  }
  return { kind: 'unknown', cause: 'connectionLost', ...(code && { code }) }
}

/** Codes that fetch reports before the first byte of the request has left. */
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
  // A host with several addresses fails once for each of them.
  const first = cause instanceof AggregateError ? cause.errors[0] : cause
  if (!(first instanceof Error)) return {}

  const { code, syscall } = first as NodeJS.ErrnoException // the fields are optional there, and checked here
  return {
    ...(typeof code === 'string' && { code }),
    ...(typeof syscall === 'string' && { syscall }),
  }
}
