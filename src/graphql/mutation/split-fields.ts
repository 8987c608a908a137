import {
  type DocumentNode,
  type ExecutionArgs,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLDirective,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  getArgumentValues,
  getDirectiveValues,
  getOperationAST,
  getVariableValues,
  Kind,
  type SelectionNode,
} from 'graphql'

/** One root field of a mutation operation. */
export interface RootField {
  readonly name: string
  /** The alias, or the name. */
  readonly responseKey: string
  readonly nodes: readonly FieldNode[]
  readonly args: Readonly<Record<string, unknown>>
  /** The operation with this root field only. */
  readonly document: DocumentNode
}

/**
 * Splits a mutation operation into its root fields, in execution order (`CollectFields` of the GraphQL specification).
 * Returns null if the operation is not a mutation or cannot be executed; its execution then reports the error.
 */
export function splitFields(request: ExecutionArgs): readonly RootField[] | null {
  const { schema, document, operationName } = request
  const operation = getOperationAST(document, operationName)
  if (operation?.operation !== 'mutation') return null
  const inputs = request.variableValues ?? {}
  const { coerced: variables } = getVariableValues(schema, operation.variableDefinitions ?? [], inputs)
  if (!variables) return null

  const fragments = document.definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION)
  const fields = new Map<string, FieldNode[]>()
  collect(operation.selectionSet.selections, { fragments, variables, visitedFragments: new Set() }, fields)
  return [...fields].map(([responseKey, nodes]) => {
    const [node] = nodes
    const field = node && schema.getMutationType()?.getFields()[node.name.value]
    const selectionSet = { ...operation.selectionSet, selections: nodes }
    return {
      name: node?.name.value ?? '',
      responseKey,
      nodes,
      args: field ? argumentsOf(() => getArgumentValues(field, node, variables)) : {},
      document: { ...document, definitions: [{ ...operation, selectionSet }, ...fragments] },
    }
  })
}

interface Scope {
  readonly fragments: readonly FragmentDefinitionNode[]
  readonly variables: { readonly [name: string]: unknown }
  /** The names of the fragments that were already collected. */
  readonly visitedFragments: Set<string>
}

function collect(selections: readonly SelectionNode[], scope: Scope, fields: Map<string, FieldNode[]>): void {
  const conditionOf = (directive: GraphQLDirective, node: SelectionNode) =>
    getDirectiveValues(directive, node, scope.variables)?.if
  for (const node of selections) {
    if (
      conditionOf(GraphQLSkipDirective, node) === true ||
      conditionOf(GraphQLIncludeDirective, node) === false
    )
      continue
    if (node.kind === Kind.FIELD) {
      const responseKey = (node.alias ?? node.name).value
      fields.set(responseKey, [...(fields.get(responseKey) ?? []), node])
    } else if (node.kind === Kind.INLINE_FRAGMENT) {
      collect(node.selectionSet.selections, scope, fields)
    } else if (!scope.visitedFragments.has(node.name.value)) {
      scope.visitedFragments.add(node.name.value)
      const fragment = scope.fragments.find(({ name }) => name.value === node.name.value)
      if (fragment) collect(fragment.selectionSet.selections, scope, fields)
    }
  }
}

/** Invalid arguments count as none here; the execution of the field reports them. */
function argumentsOf(read: () => Record<string, unknown>): Record<string, unknown> {
  try {
    return read()
  } catch {
    return {}
  }
}
