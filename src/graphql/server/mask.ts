import { GraphQLError } from 'graphql'
import type { Logger } from '../../logger.ts'
import { asUnavailable } from '../../store/unavailable.ts'
import { internalMessage } from './problem.ts'

/**
 * Turns an error into one that may be sent to the client. GraphQL errors keep their message and get a code. An unavailable
 * database becomes `UNAVAILABLE` with a retry delay. Any other error is a bug: it becomes `INTERNAL` without details, and
 * keeps its cause for `addRequestId` to log.
 */
export function maskError(error: unknown): GraphQLError {
  if (
    error instanceof GraphQLError &&
    (!error.originalError || error.originalError instanceof GraphQLError)
  ) {
    return typeof error.extensions.code === 'string'
      ? error
      : withExtensions(error, { code: 'BAD_USER_INPUT' })
  }
  const { nodes, path, originalError } = error instanceof GraphQLError ? error : {}
  const unavailable = asUnavailable(error)
  if (unavailable) {
    const { message, retryAfterSeconds } = unavailable
    const http = { status: 503, headers: { 'retry-after': String(retryAfterSeconds) } }
    const extensions = { code: 'UNAVAILABLE', retryAfterSeconds, http }
    return new GraphQLError(message, { nodes: nodes ?? null, path: path ?? null, extensions })
  }
  return new GraphQLError(internalMessage, {
    nodes: nodes ?? null,
    path: path ?? null,
    originalError: originalError ?? (error instanceof Error ? error : new Error(String(error))),
    extensions: { code: 'INTERNAL' },
  })
}

/** Adds the request id to the errors of a result. Logs the causes of `INTERNAL` errors. */
export function addRequestId<Result extends { readonly errors?: readonly GraphQLError[] | undefined }>(
  result: Result,
  requestId: string,
  log: Logger,
): Result {
  if (!result.errors) return result
  return {
    ...result,
    errors: result.errors.map((error) => {
      if (!(error instanceof GraphQLError) || error.extensions.requestId === requestId) return error
      if (error.extensions.code === 'INTERNAL')
        log.error({ err: error.originalError, requestId, path: error.path?.join('.') }, 'a resolver failed')
      return withExtensions(error, { requestId })
    }),
  }
}

/** Removes the HTTP status and headers of an error, for transports without them. */
export function withoutHttp(error: GraphQLError): GraphQLError {
  return withExtensions(error, { http: undefined })
}

function withExtensions(error: GraphQLError, extensions: object): GraphQLError {
  const { message, nodes, source, positions, path } = error
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    extensions: { ...error.extensions, ...extensions },
  })
}
