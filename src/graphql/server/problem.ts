import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../logger.ts'
import { asUnavailable } from '../../store/unavailable.ts'

/** Why a request is not answered, as it leaves. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly message: string
  /** When the same request may do; it leaves as `Retry-After` too. */
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

export const internalMessage =
  'Something went wrong on our side. The log has the cause, under the request id.'

/** What is told of an error that was thrown: that something is out of reach, or no more than that it is a bug, which is logged. */
export function problemOf(error: unknown, log: Logger, requestId: string): Problem {
  const unavailable = asUnavailable(error)
  if (!unavailable) {
    log.error({ err: error, requestId }, 'a request failed')
    return { status: 500, code: 'INTERNAL', message: internalMessage }
  }
  const { message, retryAfterSeconds } = unavailable
  return { status: 503, code: 'UNAVAILABLE', message, retryAfterSeconds }
}

/** The headers that a problem leaves with, beside those of its body. */
export function problemHeaders({ retryAfterSeconds, headers }: Problem): Readonly<Record<string, string>> {
  return { ...(retryAfterSeconds && { 'retry-after': String(retryAfterSeconds) }), ...headers }
}

/** A problem in JSON, in the shape of GraphQL's errors. */
export function problemBody({ code, message, retryAfterSeconds }: Problem, requestId?: string): string {
  const extensions = {
    code,
    ...(retryAfterSeconds && { retryAfterSeconds }),
    ...(requestId && { requestId }),
  }
  return JSON.stringify({ errors: [{ message, extensions }] })
}

/** Answers a request with a problem; cuts the answer off if it has begun already. */
export function sendProblem(response: ServerResponse, problem: Problem, requestId?: string): void {
  if (response.headersSent) return void response.destroy()
  // Those describe what would have been sent.
  for (const name of ['etag', 'content-type', 'content-length', 'content-range', 'accept-ranges'])
    response.removeHeader(name)
  response.writeHead(problem.status, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    ...(requestId && { 'x-request-id': requestId }),
    ...problemHeaders(problem),
  })
  response.end(problemBody(problem, requestId))
}

/** Answers a problem where there is a connection and no response: an upgrade, or bytes that are no request. */
export function rejectConnection(socket: Duplex, problem: Problem): void {
  if (!socket.writable) return void socket.destroy()
  const { status } = problem
  const body = problemBody(problem)
  const lines = {
    connection: 'close',
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
    ...problemHeaders(problem),
  }
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('')}\r\n${body}`)
}

export const unauthenticated: Problem = {
  status: 401,
  code: 'UNAUTHENTICATED',
  message: 'Sign in with an API key: `Authorization: Bearer rp_live_…`.',
  headers: { 'www-authenticate': 'Bearer' },
}

export const badRequest: Problem = {
  status: 400,
  code: 'BAD_REQUEST',
  message: 'This is no request that can be read.',
}

export const tooManyHeaders: Problem = {
  status: 431,
  code: 'HEADERS_TOO_LARGE',
  message: 'The headers of the request are too large.',
}

export const notFound: Problem = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'There is nothing at this path. The API is at /graphql.',
}
