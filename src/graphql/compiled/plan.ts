import {
  type DocumentNode,
  defaultFieldResolver,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  type SelectionSetNode,
} from 'graphql'
import type { Scope } from '../../store/tenant/api-keys.ts'
import { encodeGlobalId } from '../schema/global-id.ts'
import type { Context } from '../server/context.ts'

type Resolver = GraphQLFieldResolver<unknown, Context>

/** A value's type. Lists and objects are completed by their items and fields, leaves by their serializer. */
export type Shape =
  | { readonly kind: 'nonNull'; readonly of: Exclude<Shape, { kind: 'nonNull' }> }
  | { readonly kind: 'list'; readonly of: Shape }
  | { readonly kind: 'object'; readonly selection: Selection }
  | { readonly kind: 'leaf'; readonly name: string; serialize(value: unknown): unknown }

/** The fields that a document selects of one object type, merged by response key. */
export interface Selection {
  readonly typeName: string
  readonly fields: readonly FieldPlan[]
}

export interface FieldPlan {
  readonly key: string
  readonly nodes: readonly FieldNode[]
  readonly parentType: GraphQLObjectType
  readonly definition: GraphQLField<unknown, Context>
  readonly shape: Shape
  /** The property to return; null if `resolve` has to be called. */
  readonly property: string | null
  readonly resolve: Resolver
  /** The arguments if they contain no variable. */
  readonly constantArgs: Readonly<Record<string, unknown>> | null
  /** Numbers the fields of the plan. */
  readonly index: number
}

/** A query that can be executed without its document. */
export interface QueryPlan {
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>
  readonly root: Selection
  readonly fieldCount: number
  /** The scopes that the fields and their types need: with all of them, none of the fields is forbidden. */
  readonly scopes: ReadonlySet<Scope>
}

/** What the schema's builder keeps about a type or a field. */
interface BuilderExtensions {
  readonly pothosOptions?: {
    readonly authScopes?: unknown
    readonly grantScopes?: unknown
    readonly id?: { readonly resolve?: (source: unknown) => unknown }
  }
  readonly pothosConfig?: { readonly resolve?: Resolver }
  readonly pothosArgMappers?: readonly unknown[] | null
  readonly pothosErrors?: unknown
}

/** A document is of a form that only the general executor handles. */
class NotCompilable extends Error {
  override readonly name = 'NotCompilable'
}

/**
 * Compiles a valid document: merges its selections, and finds the resolvers and serializers of its fields, once instead of for
 * every value. Null if only the general executor can execute it: mutations, subscriptions, several operations, directives,
 * introspection and fields of an interface or a union.
 *
 * The resolvers are those without the schema's authorization. It depends on nothing but the viewer's scopes, so whoever executes the
 * plan checks `scopes` once.
 */
export function compileQuery(schema: GraphQLSchema, document: DocumentNode): QueryPlan | null {
  const operations = document.definitions.filter((each) => each.kind === Kind.OPERATION_DEFINITION)
  const [operation] = operations
  const root = schema.getQueryType()
  if (!operation || !root || operations.length > 1) return null
  if (operation.operation !== OperationTypeNode.QUERY || operation.directives?.length) return null
  const fragments: Record<string, FragmentDefinitionNode> = Object.create(null)
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments[each.name.value] = each
  const scopes = new Set<Scope>()
  let fieldCount = 0

  const selectionOf = (type: GraphQLObjectType, sets: readonly SelectionSetNode[]): Selection => {
    for (const each of [type, ...type.getInterfaces()]) addScopes(scopes, each.extensions)
    const nodesByKey = new Map<string, FieldNode[]>()
    for (const set of sets) collect(set, type, nodesByKey)
    return {
      typeName: type.name,
      fields: [...nodesByKey].map(([key, nodes]) => fieldOf(type, key, nodes)),
    }
  }
  const collect = (set: SelectionSetNode, type: GraphQLObjectType, nodesByKey: Map<string, FieldNode[]>) => {
    for (const each of set.selections) {
      if (each.directives?.length) throw new NotCompilable()
      if (each.kind === Kind.FIELD) {
        const key = each.alias?.value ?? each.name.value
        if (key === '__proto__') throw new NotCompilable() // Not a property of a plain object.
        const nodes = nodesByKey.get(key)
        if (nodes) nodes.push(each)
        else nodesByKey.set(key, [each])
        continue
      }
      const fragment = each.kind === Kind.FRAGMENT_SPREAD ? fragments[each.name.value] : each
      const condition = fragment?.typeCondition?.name.value
      // A fragment on an interface may apply; whether it does is left to the general executor.
      if (!fragment || (condition !== undefined && condition !== type.name)) throw new NotCompilable()
      collect(fragment.selectionSet, type, nodesByKey)
    }
  }
  const fieldOf = (parentType: GraphQLObjectType, key: string, nodes: FieldNode[]): FieldPlan => {
    const [node] = nodes
    const name = node?.name.value ?? ''
    const index = fieldCount
    fieldCount += 1
    if (name === '__typename') return typeNameField(parentType, key, nodes, index)
    const definition = parentType.getFields()[name]
    if (!node || !definition) throw new NotCompilable()
    const extensions = definition.extensions as BuilderExtensions
    addScopes(scopes, extensions)
    const resolve = resolverOf(parentType, definition)
    return {
      key,
      nodes,
      parentType,
      definition,
      shape: shapeOf(definition.type, nodes),
      property: resolve === defaultFieldResolver ? name : null,
      resolve,
      constantArgs: hasVariable(node) ? null : getArgumentValues(definition, node),
      index,
    }
  }
  const shapeOf = (type: GraphQLOutputType, nodes: readonly FieldNode[]): Shape => {
    if (isNonNullType(type)) {
      const of = shapeOf(type.ofType, nodes)
      if (of.kind === 'nonNull') throw new NotCompilable()
      return { kind: 'nonNull', of }
    }
    if (isListType(type)) return { kind: 'list', of: shapeOf(type.ofType, nodes) }
    if (isLeafType(type))
      return { kind: 'leaf', name: type.name, serialize: (value) => type.serialize(value) }
    if (isAbstractType(type) || !isObjectType(type) || type.isTypeOf) throw new NotCompilable()
    const sets = nodes.flatMap(({ selectionSet }) => (selectionSet ? [selectionSet] : []))
    return { kind: 'object', selection: selectionOf(type, sets) }
  }

  try {
    const plan = { document, operation, fragments, root: selectionOf(root, [operation.selectionSet]), scopes }
    return { ...plan, fieldCount }
  } catch (error) {
    // Argument values that do not parse are reported by the general executor.
    if (error instanceof NotCompilable || error instanceof GraphQLError) return null
    throw error
  }
}

/** Adds the scopes that a type or a field needs. Only one required scope, such as `{ read: true }`, is known how to check here. */
function addScopes(scopes: Set<Scope>, { pothosOptions }: BuilderExtensions): void {
  if (pothosOptions?.grantScopes) throw new NotCompilable()
  const needed = pothosOptions?.authScopes
  if (needed === undefined) return
  const names = typeof needed === 'object' && needed !== null ? Object.entries(needed) : []
  const [[name, value] = []] = names
  if (names.length !== 1 || value !== true || (name !== 'read' && name !== 'write' && name !== 'admin'))
    throw new NotCompilable()
  scopes.add(name)
}

/** The resolver that was given to the builder, without what its plugins have added. */
function resolverOf(parentType: GraphQLObjectType, definition: GraphQLField<unknown, Context>): Resolver {
  const { pothosConfig, pothosArgMappers, pothosErrors } = definition.extensions as BuilderExtensions
  if (!pothosConfig || pothosErrors || (pothosArgMappers?.length ?? 0) > 0) throw new NotCompilable()
  const { id } = (parentType.extensions as BuilderExtensions).pothosOptions ?? {}
  const resolveId = id?.resolve
  // The builder's resolver of global ids is async: 50 rows would cost 150 promises.
  if (definition.name === 'id' && resolveId)
    return (source) => encodeGlobalId(parentType.name, String(resolveId(source)))
  return pothosConfig.resolve ?? defaultFieldResolver
}

function typeNameField(
  parentType: GraphQLObjectType,
  key: string,
  nodes: readonly FieldNode[],
  index: number,
): FieldPlan {
  const definition = { name: '__typename' } as GraphQLField<unknown, Context> // Nothing else of it is read.
  const shape: Shape = { kind: 'leaf', name: 'String', serialize: (value) => value }
  const resolve = () => parentType.name
  return { key, nodes, parentType, definition, shape, property: null, resolve, constantArgs: {}, index }
}

function hasVariable(node: FieldNode): boolean {
  const contains = (value: unknown): boolean =>
    typeof value === 'object' &&
    value !== null &&
    ('kind' in value && value.kind === Kind.VARIABLE
      ? true
      : ['arguments', 'value', 'values', 'fields'].some((name) => {
          const inner = (value as Record<string, unknown>)[name]
          return Array.isArray(inner) ? inner.some(contains) : contains(inner)
        }))
  return contains({ arguments: node.arguments })
}
