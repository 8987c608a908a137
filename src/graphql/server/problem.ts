import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from '../../logger.ts'
import { asUnavailable } from '../../store/unavailable.ts'

/** An HTTP error response. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly message: string
  /** When to send the request again. Also sent as `Retry-After`. */
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

export const internalMessage =
  'The server failed to handle the request. Its log has the cause under this request id.'

/** Turns an error into a problem: 503 if the database is unavailable, else 500. Logs the cause of a 500. */
export function problemOf(error: unknown, log: Logger, requestId: string): Problem {
  const unavailable = asUnavailable(error)
  if (!unavailable) {
    log.error({ err: error, requestId }, 'a request failed')
    return { status: 500, code: 'INTERNAL', message: internalMessage }
  }
  const { message, retryAfterSeconds } = unavailable
  return { status: 503, code: 'UNAVAILABLE', message, retryAfterSeconds }
}

/** The headers of a problem, without those of its body. */
export function problemHeaders({ retryAfterSeconds, headers }: Problem): Readonly<Record<string, string>> {
  return { ...(retryAfterSeconds && { 'retry-after': String(retryAfterSeconds) }), ...headers }
}

/** The JSON body of a problem, in the shape of a GraphQL error response. */
export function problemBody({ code, message, retryAfterSeconds }: Problem, requestId?: string): string {
  const extensions = {
    code,
    ...(retryAfterSeconds && { retryAfterSeconds }),
    ...(requestId && { requestId }),
  }
  return JSON.stringify({ errors: [{ message, extensions }] })
}

/** Sends a problem. Destroys the response if its headers were already sent. */
export function sendProblem(response: ServerResponse, problem: Problem, requestId?: string): void {
  if (response.headersSent) return void response.destroy()
  // These headers describe the content that is not sent.
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

/** Sends a problem on a socket without a response object: for an upgrade request or a malformed request. */
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
  message: 'The request is malformed.',
}

export const tooManyHeaders: Problem = {
  status: 431,
  code: 'HEADERS_TOO_LARGE',
  message: 'The request headers are too large.',
}

export const notFound: Problem = {
  status: 404,
  code: 'NOT_FOUND',
  message: 'Nothing is served at this path. The API is at /graphql.',
}
