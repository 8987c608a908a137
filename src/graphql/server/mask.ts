import { GraphQLError } from 'graphql'
import type { Logger } from '../../logger.ts'
import { asUnavailable } from '../../store/unavailable.ts'
import { internalMessage } from './problem.ts'

/**
 * What leaves of an error: our own refusals and mistakes in the document as they are, with a code; everything else, which
 * is a bug, as no more than the fact, and a lost database as that. The cause stays inside, for `stamp` to log.
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

/** Gives the errors of a result the id of their request, and writes to the log what of them does not leave. */
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
        log.error({ err: error.originalError, requestId, path: error.path?.join('.') }, 'graphql')
      return withExtensions(error, { requestId })
    }),
  }
}

/** For ways to the client that have no status. */
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
