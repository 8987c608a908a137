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

/** The maximum number of list items that one document may request. */
export const maxNodes = 10_000

/**
 * Rejects documents whose nested pages multiply to more items than one response may have. A page whose size is a variable
 * counts with the maximum size. A fragment counts in each place where it is spread but is visited once, so that the time is
 * linear in the document's length.
 */
export function nodeLimitRule(context: ValidationContext): ASTVisitor {
  const counts = new Map<string, number>()

  const countFragment = (fragment: FragmentDefinitionNode): number => {
    const name = fragment.name.value
    const counted = counts.get(name)
    if (counted !== undefined) return counted
    counts.set(name, 0) // Another rule rejects fragments that spread themselves.
    const type = context.getSchema().getType(fragment.typeCondition.name.value)
    const count = isCompositeType(type) ? countItems(fragment.selectionSet, type) : 0
    counts.set(name, count)
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
          `the document may return ${count} list items, more than the maximum of ${maxNodes}; request smaller pages`,
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
