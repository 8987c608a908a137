import {
  type DocumentNode,
  type FieldNode,
  type GraphQLSchema,
  print,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import type { Context } from '../server/context.ts'

/** A subscription as it is executed for each event, the same for everybody with the same key. */
export interface SharedOperation {
  /** Of two subscriptions with the same key, each event has the same result. */
  readonly key: string
  readonly document: DocumentNode
  readonly operationName: string | null
  readonly variables: Readonly<Record<string, unknown>>
}

interface Normalized {
  readonly document: DocumentNode
  readonly text: string
  /** The variables that are used for more than the place to resume from. */
  readonly variableNames: ReadonlySet<string>
}

/** Normalizing costs as much as several executions. The server parses each text once, so documents recur. */
const normalizedDocuments = new WeakMap<DocumentNode, Normalized>()

/**
 * The operation without its `after`, which decides where a subscriber starts and nothing about an event. The key has everything
 * that a result can depend on: organization, scopes, the origin of links, document and variables. What else a context holds of a
 * viewer is withheld by `contextForAll`.
 */
export function sharedOperationOf({
  schema,
  document,
  operationName = null,
  variables,
  context: { viewer, origin },
}: {
  readonly schema: GraphQLSchema
  readonly document: DocumentNode
  readonly operationName?: string | null | undefined
  readonly variables: Readonly<Record<string, unknown>> | null | undefined
  readonly context: Pick<Context, 'viewer' | 'origin'>
}): SharedOperation {
  let normalized = normalizedDocuments.get(document)
  if (!normalized) {
    normalized = normalize(schema, document)
    normalizedDocuments.set(document, normalized)
  }
  const { variableNames, text } = normalized
  const used = Object.fromEntries(
    Object.entries(variables ?? {})
      .filter(([name]) => variableNames.has(name))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
  const scopes = [...viewer.scopes].sort()
  const key = JSON.stringify([viewer.organizationId, scopes, origin, text, operationName, used])
  return { key, document: normalized.document, operationName, variables: used }
}

function normalize(schema: GraphQLSchema, document: DocumentNode): Normalized {
  const types = new TypeInfo(schema)
  const withoutAfter = visit(
    document,
    visitWithTypeInfo(types, {
      Field(field): FieldNode | undefined {
        if (types.getParentType() !== schema.getSubscriptionType()) return undefined
        return { ...field, arguments: (field.arguments ?? []).filter(({ name }) => name.value !== 'after') }
      },
    }),
  )
  const variableNames = new Set<string>()
  visit(withoutAfter, {
    VariableDefinition: () => false,
    Variable: ({ name }) => void variableNames.add(name.value),
  })
  const normalized = visit(withoutAfter, {
    VariableDefinition: ({ variable }) => (variableNames.has(variable.name.value) ? undefined : null),
  })
  return { document: normalized, text: print(normalized), variableNames }
}
