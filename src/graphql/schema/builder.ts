import SchemaBuilder from '@pothos/core'
import ErrorsPlugin from '@pothos/plugin-errors'
import RelayPlugin from '@pothos/plugin-relay'
import ScopeAuthPlugin from '@pothos/plugin-scope-auth'
import type { Scope } from '../../store/tenant/api-keys.ts'
import type { Context } from '../server/context.ts'
import { requestError } from './error.ts'
import { decodeGlobalId, encodeGlobalId } from './global-id.ts'

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
 * The one builder of the schema. Types are written in files of their own and registered by import. Every type of ours
 * declares the scope that it takes to read it, every root field the scope to call it: what declares nothing fails a test.
 */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ErrorsPlugin, ScopeAuthPlugin, RelayPlugin],
  defaultFieldNullability: false,
  scopeAuth: {
    // A scope includes those below it: whoever may write may see what came of it.
    authScopes: ({ viewer: { scopes } }) => ({
      read: scopes.has('read') || scopes.has('write') || scopes.has('admin'),
      write: scopes.has('write') || scopes.has('admin'),
      admin: scopes.has('admin'),
    }),
    authorizeOnSubscribe: true,
    unauthorizedError: () => requestError('FORBIDDEN', 'This API key has not the scope that this takes.'),
  },
  errors: {
    directResult: true,
    defaultUnionOptions: {
      description: 'What came of the mutation: its success, or why nothing was done.',
      name: ({ fieldName }) => `${fieldName.charAt(0).toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
  relay: {
    clientMutationId: 'omit',
    cursorType: 'String',
    edgesFieldOptions: { nullable: false, description: 'The items of this page, each with its cursor.' },
    nodeFieldOptions: { nullable: false, description: 'The item.' },
    cursorFieldOptions: {
      description: 'Where the item stands; give it as `after` or `before` to go on from here.',
    },
    pageInfoFieldOptions: { description: 'Whether there is more, and where to go on.' },
    pageInfoTypeOptions: {
      description: 'Where a page of a list begins and ends, and whether there is more.',
      authScopes: { read: true },
    },
    hasNextPageFieldOptions: { description: 'Whether more follows, going forward.' },
    hasPreviousPageFieldOptions: { description: 'Whether more precedes, going backward.' },
    startCursorFieldOptions: { description: 'The cursor of the first item of this page.' },
    endCursorFieldOptions: { description: 'The cursor of the last item of this page.' },
    firstArgOptions: { description: 'How many items, from the front; at most 100.' },
    lastArgOptions: { description: 'How many items, from the back; at most 100.' },
    afterArgOptions: { description: 'Only items after this cursor.' },
    beforeArgOptions: { description: 'Only items before this cursor.' },
    idFieldOptions: { description: 'Opaque, and unique among everything in this API.' },
    nodeTypeOptions: { description: 'Anything with an id of its own.' },
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    nodesOnConnection: { description: 'The items of this page, without their cursors.' },
    mutationInputArgOptions: { description: 'What to do, and with what.' },
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
