import {
  type ASTVisitor,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  GraphQLError,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
} from 'graphql'
import { defaultPageSize, maxPageSize } from '../schema/connection.ts'

/** How many items of lists one document may ask for. */
export const maxNodes = 10_000

/**
 * Refuses documents whose nested pages multiply to more items than one answer should have, before anything is read.
 * A page whose size is a variable counts as the largest. Each fragment is counted once for each place it is spread in,
 * but walked once, so that fragments of fragments cost no time.
 */
export function nodeLimitRule(context: ValidationContext): ASTVisitor {
  const known = new Map<string, number>()

  const countFragment = (fragment: FragmentDefinitionNode): number => {
    const name = fragment.name.value
    const before = known.get(name)
    if (before !== undefined) return before
    known.set(name, 0) // A fragment that spreads itself is refused by another rule.
    const type = context.getSchema().getType(fragment.typeCondition.name.value)
    const count = isCompositeType(type) ? countItems(fragment.selectionSet, type) : 0
    known.set(name, count)
    return count
  }

  const countField = (field: FieldNode, parent: GraphQLCompositeType): number => {
    if (!isObjectType(parent) && !isInterfaceType(parent)) return 0
    const definition = parent.getFields()[field.name.value]
    if (!definition || !field.selectionSet) return 0
    const type = getNamedType(definition.type)
    if (!isCompositeType(type)) return 0
    const isPage = definition.args.some(({ name }) => name === 'first')
    const size = isPage ? sizeOf(field) : 0
    const inner = countItems(field.selectionSet, type)
    return size === 0 ? inner : size * (1 + inner)
  }

  const countItems = (set: SelectionSetNode, parent: GraphQLCompositeType): number => {
    let count = 0
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) count += countField(selection, parent)
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = context.getFragment(selection.name.value)
        if (fragment) count += countFragment(fragment)
      } else {
        const name = selection.typeCondition?.name.value
        const type = name === undefined ? parent : context.getSchema().getType(name)
        if (isCompositeType(type)) count += countItems(selection.selectionSet, type)
      }
    }
    return count
  }

  return {
    OperationDefinition(operation) {
      const root = context.getSchema().getRootType(operation.operation)
      const count = root ? countItems(operation.selectionSet, root) : 0
      if (count <= maxNodes) return
      context.reportError(
        new GraphQLError(
          `this may answer ${count} items of lists, and one request at most ${maxNodes}; ask for smaller pages`,
          { nodes: operation, extensions: { code: 'TOO_MANY_NODES' } },
        ),
      )
    },
  }
}

function sizeOf(field: FieldNode): number {
  const argument = field.arguments?.find(({ name }) => name.value === 'first' || name.value === 'last')
  if (!argument) return defaultPageSize
  return argument.value.kind === Kind.INT ? Number(argument.value.value) : maxPageSize
}
