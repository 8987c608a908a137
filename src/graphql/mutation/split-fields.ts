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

/** One of the fields that a mutation asks for, with all that it asks of it. */
export interface RootField {
  readonly name: string
  /** What its answer is called: the alias, or the name. */
  readonly responseKey: string
  readonly nodes: readonly FieldNode[]
  readonly args: Readonly<Record<string, unknown>>
  /** The operation as if it asked for nothing else. */
  readonly document: DocumentNode
}

/**
 * Takes a mutation apart into its fields, in the order in which they are executed: as CollectFields of the GraphQL
 * specification does it. Null if the operation is no mutation or cannot be executed: then executing it says why.
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
  collect(operation.selectionSet.selections, { fragments, variables, spread: new Set() }, fields)
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

interface Surroundings {
  readonly fragments: readonly FragmentDefinitionNode[]
  readonly variables: { readonly [name: string]: unknown }
  /** The names of the fragments that were followed. */
  readonly spread: Set<string>
}

function collect(
  selections: readonly SelectionNode[],
  around: Surroundings,
  fields: Map<string, FieldNode[]>,
): void {
  const says = (directive: GraphQLDirective, node: SelectionNode) =>
    getDirectiveValues(directive, node, around.variables)?.if
  for (const node of selections) {
    if (says(GraphQLSkipDirective, node) === true || says(GraphQLIncludeDirective, node) === false) continue
    if (node.kind === Kind.FIELD) {
      const responseKey = (node.alias ?? node.name).value
      fields.set(responseKey, [...(fields.get(responseKey) ?? []), node])
    } else if (node.kind === Kind.INLINE_FRAGMENT) {
      collect(node.selectionSet.selections, around, fields)
    } else if (!around.spread.has(node.name.value)) {
      around.spread.add(node.name.value)
      const fragment = around.fragments.find(({ name }) => name.value === node.name.value)
      if (fragment) collect(fragment.selectionSet.selections, around, fields)
    }
  }
}

/** Arguments that are none are for the execution to complain about. */
function argumentsOf(read: () => Record<string, unknown>): Record<string, unknown> {
  try {
    return read()
  } catch {
    return {}
  }
}
