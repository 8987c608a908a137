import {
  type ASTVisitor,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLCompositeType,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type SelectionSetNode,
  type ValidationContext,
  type ValueNode,
} from 'graphql'
import { maxUpcomingSlots } from '../schema/account/account-view.ts'
import { defaultPageSize, maxPageSize } from '../schema/connection.ts'

/** The maximum weight of a document. It costs 1,000 points, the default capacity of an API key's bucket. */
export const maxWeight = 50_000
/** A short mutation costs one point. */
const weightPerPoint = 50
/** The cost in points of a request that is rejected before its cost is known. */
export const minCost = 1

/** An object is looked up; a value is only returned. */
const objectWeight = 10
const valueWeight = 1

/** A row that one statement reads with many others weighs a quarter of a value. */
const rowsPerValue = 4

/** Rows that a field reads with one statement, in addition to what it returns. */
const rowsRead: Readonly<Record<string, number>> = {
  'AccountHealth.slotsAtRisk': maxUpcomingSlots,
  'AccountHealth.slotsAtRiskCount': maxUpcomingSlots,
}

type Variables = Readonly<Record<string, unknown>>

/** The cost of a document in points: that of its most expensive operation. */
export function costOf(schema: GraphQLSchema, document: DocumentNode, variables: Variables = {}): number {
  return Math.max(minCost, Math.ceil(weightOf(schema, document, variables) / weightPerPoint))
}

/** Rejects documents above the maximum weight. A page whose size is a variable counts with its default size. */
export function costLimitRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      const weight = weightOf(context.getSchema(), document, {})
      if (weight <= maxWeight) return
      const [cost, maxCost] = [weight, maxWeight].map((each) => Math.ceil(each / weightPerPoint))
      context.reportError(
        new GraphQLError(
          `the document costs ${cost} points, more than the maximum of ${maxCost}; request smaller pages`,
          {
            extensions: { code: 'TOO_COSTLY' },
          },
        ),
      )
    },
  }
}

/**
 * The weight of a document: the sum over the objects and values that it returns, multiplied by the page size in a list and by
 * the number of ids in `nodes`. `__typename` weighs nothing. A fragment counts in each place where it is spread but is visited
 * once, so that the time is linear in the document's length. Of fragments on different types only the heaviest counts,
 * because an object has one type.
 */
export function weightOf(schema: GraphQLSchema, document: DocumentNode, variables: Variables = {}): number {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each)
  const weights = new Map<string, number>()

  const ofFragment = (fragment: FragmentDefinitionNode): number => {
    const name = fragment.name.value
    const weighed = weights.get(name)
    if (weighed !== undefined) return weighed
    weights.set(name, 0) // Another rule rejects fragments that spread themselves.
    const type = schema.getType(fragment.typeCondition.name.value)
    const weight = isCompositeType(type) ? ofSelections(fragment.selectionSet, type) : 0
    weights.set(name, weight)
    return weight
  }

  const ofSelections = (set: SelectionSetNode, parent: GraphQLCompositeType): number => {
    let common = 0
    const byType = new Map<string, number>()
    const add = (typeName: string | undefined, weight: number) => {
      const type = typeName === undefined ? parent : schema.getType(typeName)
      if (type === parent || !isObjectType(type)) common += weight
      else byType.set(type.name, (byType.get(type.name) ?? 0) + weight)
    }
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) common += ofField(selection, parent)
      else if (selection.kind === Kind.FRAGMENT_SPREAD) {
        const fragment = fragments.get(selection.name.value)
        if (fragment) add(fragment.typeCondition.name.value, ofFragment(fragment))
      } else {
        const name = selection.typeCondition?.name.value
        const type = name === undefined ? parent : schema.getType(name)
        if (isCompositeType(type)) add(name, ofSelections(selection.selectionSet, type))
      }
    }
    return common + Math.max(0, ...byType.values())
  }

  const ofField = (field: FieldNode, parent: GraphQLCompositeType): number => {
    const name = field.name.value
    if (name === '__typename') return 0
    const definition = isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined
    if (!definition) return valueWeight // Introspection, or an unknown field that another rule reports.
    const type = getNamedType(definition.type)
    const rows = Math.ceil((rowsRead[`${parent.name}.${name}`] ?? 0) / rowsPerValue) * valueWeight
    if (!field.selectionSet || !isCompositeType(type)) return valueWeight + rows
    if (type.name === 'PageInfo') return 0 // Read with the page.
    const inner = ofSelections(field.selectionSet, type)
    if (type.name.endsWith('Edge')) return inner // Its node is counted.
    const size = sizeOf(field, definition.args, document, variables)
    const isConnection = type.name.endsWith('Connection')
    return rows + (isConnection ? objectWeight + size * inner : size * (objectWeight + inner))
  }

  let max = 0
  for (const each of document.definitions) {
    if (each.kind !== Kind.OPERATION_DEFINITION) continue
    const root = schema.getRootType(each.operation)
    if (root) max = Math.max(max, ofSelections(each.selectionSet, root))
  }
  return max
}

/** The maximum number of objects that a field returns: its page size or its number of ids; 1 if it has neither. */
function sizeOf(
  field: FieldNode,
  args: readonly { readonly name: string }[],
  document: DocumentNode,
  variables: Variables,
): number {
  const given = (name: string) => field.arguments?.find((argument) => argument.name.value === name)?.value
  const within = (size: number) => Math.min(Math.max(size, 1), maxPageSize)
  if (args.some(({ name }) => name === 'ids')) {
    const ids = givenBy(given('ids'), document, variables)
    return within(Array.isArray(ids) ? ids.length : 1)
  }
  if (!args.some(({ name }) => name === 'first')) return 1
  const size =
    givenBy(given('first'), document, variables) ??
    givenBy(given('last'), document, variables) ??
    defaultPageSize
  // The resolver rejects an invalid size.
  return Number.isInteger(size) ? within(Number(size)) : maxPageSize
}

/** As far as it matters for a size: a whole number, or a list. */
function givenBy(value: ValueNode | undefined, document: DocumentNode, variables: Variables): unknown {
  if (value?.kind === Kind.INT) return Number(value.value)
  if (value?.kind === Kind.LIST) return value.values
  if (value?.kind !== Kind.VARIABLE)
    return value === undefined || value.kind === Kind.NULL ? undefined : value
  const name = value.name.value
  if (Object.hasOwn(variables, name)) return variables[name] ?? undefined
  for (const each of document.definitions)
    if (each.kind === Kind.OPERATION_DEFINITION)
      for (const { variable, defaultValue } of each.variableDefinitions ?? [])
        if (variable.name.value === name) return givenBy(defaultValue, document, {})
  return undefined
}
