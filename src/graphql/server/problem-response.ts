import { badRequest, notFound, type Problem, problemBody, problemHeaders } from './problem.ts'

/** A problem as a `Response`, for where there is none of Node's. */
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

/** What the library refuses without a word, in words. */
const refused: readonly Problem[] = [
  badRequest,
  notFound,
  {
    status: 405,
    code: 'METHOD_NOT_ALLOWED',
    message: 'GraphQL is asked by POST, or by GET if it is no mutation.',
  },
  {
    status: 406,
    code: 'NOT_ACCEPTABLE',
    message: 'Answers come as JSON, those of subscriptions as text/event-stream.',
  },
  {
    status: 415,
    code: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'Send the operation as content-type: application/json.',
  },
]

/** The response itself, or its refusal in JSON. A stream that was refused says why in its one event. */
export function withJsonBody(response: Response): Response {
  const { status, headers } = response
  if (status < 400 || /[/+]json\b|^text\/event-stream/.test(headers.get('content-type') ?? ''))
    return response
  const problem = refused.find((each) => each.status === status) ?? { ...badRequest, status }
  const answer = problemResponse(problem)
  for (const [name, value] of headers) if (!name.startsWith('content-')) answer.headers.set(name, value)
  return answer
}
