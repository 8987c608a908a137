import { badRequest, notFound, type Problem, problemBody, problemHeaders } from './problem.ts'

/** A problem as a fetch `Response`. */
export function problemResponse(problem: Problem, requestId?: string): Response {
  return new Response(problemBody(problem, requestId), {
    status: problem.status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      ...(requestId && { 'x-request-id': requestId }),
      ...problemHeaders(problem),
    },
  })
}

/** Problems for the statuses that yoga answers with an empty body. */
const problems: readonly Problem[] = [
  badRequest,
  notFound,
  {
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: 'Send operations by POST. Queries may also be sent by GET.',
  },
  {
    status: 406,
    code: 'NOT_ACCEPTABLE',
    message: 'Accept application/json, or text/event-stream for a subscription.',
  },
  {
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'Send the operation with content-type: application/json.',
  },
]

/** Replaces the body of an error response by JSON, unless it already has a JSON or event stream body. */
export function withJsonBody(response: Response): Response {
  const { status, headers } = response
  if (status < 400 || /[/+]json\b|^text\/event-stream/.test(headers.get('content-type') ?? ''))
    return response
  const problem = problems.find((each) => each.status === status) ?? { ...badRequest, status }
  const replaced = problemResponse(problem)
  for (const [name, value] of headers) if (!name.startsWith('content-')) replaced.headers.set(name, value)
  return replaced
}
