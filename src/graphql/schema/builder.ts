import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import type { Scope } from '../../store/tenant/api-keys.ts'
import type { Context } from '../server/context.ts'
import { defaultPageSize, maxPageSize } from './connection.ts'
import { requestError } from './error.ts'
import { decodeGlobalId, encodeGlobalId } from './global-id.ts'
import { grantedScopes } from './scope.ts'

interface SchemaTypes {
  Context: Context
  DefaultFieldNullability: false
  DefaultEdgesNullability: false
  DefaultNodeNullability: false
  AuthScopes: { readonly [name in Scope]: boolean }
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    JSON: { Input: NonNullable<unknown> | null; Output: unknown }
    SafeInt: { Input: number; Output: number }
    TimeZone: { Input: string; Output: string }
    LocalDateTime: { Input: string; Output: string }
  }
}

/**
 * The builder of the schema. Each type is defined in a file of its own and registered by import. Every type and every root
 * field declares the scope that it needs; a test fails for one that declares none.
 */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ErrorsPlugin, ScopeAuthPlugin, RelayPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    authScopes: ({ viewer: { scopes } }) => grantedScopes(scopes),
    authorizeOnSubscribe: true,
    unauthorizedError: () => requestError('FORBIDDEN', 'This API key does not have the required scope.'),
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      description: 'The payload of the mutation, or why it had no effect.',
      name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    edgesFieldOptions: { nullable: false, description: 'The items of this page with their cursors.' },
    nodeFieldOptions: { nullable: false, description: 'The item.' },
    cursorFieldOptions: {
      description: 'The position of the item. Pass it as `after` or `before` to get an adjacent page.',
    },
    pageInfoFieldOptions: { description: 'The boundaries of this page, and whether there are more items.' },
    pageInfoTypeOptions: {
      description: 'The boundaries of a page, and whether there are more items.',
      authScopes: { read: true },
    },
    hasNextPageFieldOptions: {
      description:
        'Whether items follow this page. Exact with `first`; with `last`, whether `before` was given.',
    },
    hasPreviousPageFieldOptions: {
      description:
        'Whether items precede this page. Exact with `last`; with `first`, whether `after` was given.',
    },
    startCursorFieldOptions: {
      description: 'The cursor of the first item of the page; null if it is empty.',
    },
    endCursorFieldOptions: { description: 'The cursor of the last item of the page; null if it is empty.' },
    firstArgOptions: {
      description: `The number of items from the start of the list. Maximum: ${maxPageSize}. Default: ${defaultPageSize}.`,
    },
    lastArgOptions: { description: `The number of items from the end of the list. Maximum: ${maxPageSize}.` },
    afterArgOptions: { description: 'Return only items after this cursor.' },
    beforeArgOptions: { description: 'Return only items before this cursor.' },
    idFieldOptions: { description: 'An opaque id, unique in this API.' },
    nodeTypeOptions: { description: 'An object with a global id.' },
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    nodesOnConnection: { description: 'The items of this page.' },
    mutationInputArgOptions: { description: 'The input of the mutation.' },
    encodeGlobalID: (name, id) => encodeGlobalId(name, String(id)),
    decodeGlobalID: (text) => {
      const decoded = decodeGlobalId(text)
      return { typename: decoded?.name ?? '', id: decoded?.id ?? '' }
    },
  },
})

export type Types = (typeof builder)['$inferSchemaTypes']

/** Builds the fields of an object type that shows an `Outcome`. */
export type PayloadBuilder<Outcome> = PothosSchemaTypes.ObjectFieldBuilder<Types, Outcome>
