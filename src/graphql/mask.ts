import { GraphQLError } from 'graphql'

/**
 * What leaves of an error: our own refusals and mistakes in the document as they are, with a code; everything else, which
 * is a bug or a lost database, as no more than the fact. The log has the cause.
 */
export function maskError(error: unknown, onUnexpected: (error: unknown) => void): GraphQLError {
  if (
    error instanceof GraphQLError &&
    (!error.originalError || error.originalError instanceof GraphQLError)
  ) {
    return typeof error.extensions.code === 'string'
      ? error
      : withExtensions(error, { code: 'BAD_USER_INPUT' })
  }
  onUnexpected(error instanceof GraphQLError ? (error.originalError ?? error) : error)
  const { nodes, path } = error instanceof GraphQLError ? error : {}
  return new GraphQLError('Something went wrong on our side. The log has the cause, under the request id.', {
    nodes: nodes ?? null,
    path: path ?? null,
    extensions: { code: 'INTERNAL' },
  })
}

/** The errors of a result, each with the id that the log knows the request by. */
export function stamp<Result extends { readonly errors?: readonly GraphQLError[] | undefined }>(
  result: Result,
  requestId: string,
): Result {
  if (!result.errors) return result
  return {
    ...result,
    errors: result.errors.map((error) =>
      error instanceof GraphQLError ? withExtensions(error, { requestId }) : error,
    ),
  }
}

function withExtensions(error: GraphQLError, extensions: object): GraphQLError {
  const { message, nodes, source, positions, path, originalError } = error
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
    originalError: originalError ?? null,
    extensions: { ...error.extensions, ...extensions },
  })
}
