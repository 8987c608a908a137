import { createHash } from 'node:crypto'
import type { GraphQLError } from 'graphql'
import { requestError } from '../schema/error.ts'
import type { Params } from './params.ts'
import { RecentMap } from './recent-map.ts'
import type { TrustedDocuments } from './trusted-documents.ts'

/** Finds documents that a request names instead of sending them. */
export interface DocumentIds {
  /** The text of the named document, or the sent text if none is named; an error if the named one is not known. */
  textOf(params: Params): string | undefined | GraphQLError
}

/** Hashes that clients have registered; those that were used last stay. */
const maxRegistered = 1_000
const maxTextLength = 8_192

/**
 * Names are `documentId`, the id of a trusted document, or `extensions.persistedQuery.sha256Hash`, which registers the text that is
 * sent with it and names it from then on (automatic persisted queries, as Apollo's clients send them).
 */
export function createDocumentIds(trusted: TrustedDocuments): DocumentIds {
  const registered = new RecentMap<string, string>(maxRegistered)
  for (const text of trusted.values()) registered.set(hashOf(text), text)

  const byHash = (hash: string, text: unknown): string | GraphQLError => {
    if (typeof text !== 'string') return registered.get(hash) ?? notFound('PersistedQueryNotFound')
    if (registered.get(hash) === text) return text
    if (hashOf(text) !== hash)
      return requestError('BAD_USER_INPUT', 'persistedQuery.sha256Hash is not the SHA-256 of the query')
    if (text.length <= maxTextLength) registered.set(hash, text)
    return text
  }

  return {
    textOf({ query, documentId, extensions }) {
      const hash = hashIn(extensions)
      if (documentId === undefined || documentId === null)
        return hash === undefined ? (typeof query === 'string' ? query : undefined) : byHash(hash, query)
      if (query !== undefined && query !== null)
        return requestError('BAD_USER_INPUT', 'pass either query or documentId, not both')
      return trusted.get(String(documentId)) ?? notFound('There is no trusted document of this documentId.')
    },
  }
}

/** The message and the code by which Apollo's clients know that they have to send the text. */
function notFound(message: string): GraphQLError {
  return requestError('PERSISTED_QUERY_NOT_FOUND', message)
}

function hashIn(extensions: unknown): string | undefined {
  if (typeof extensions !== 'object' || extensions === null || !('persistedQuery' in extensions))
    return undefined
  const { persistedQuery } = extensions
  if (typeof persistedQuery !== 'object' || persistedQuery === null) return undefined
  return 'sha256Hash' in persistedQuery && typeof persistedQuery.sha256Hash === 'string'
    ? persistedQuery.sha256Hash
    : undefined
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
