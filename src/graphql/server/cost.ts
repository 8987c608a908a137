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
import { mostComingSlots } from '../schema/account/account-view.ts'
import { defaultPageSize, maxPageSize } from '../schema/connection.ts'

/** What no document may exceed: the costliest takes a full bucket of a thousand points. */
export const maxWeight = 50_000
/** That of one short mutation is a point. */
const weightPerPoint = 50
/** What is refused before its cost is known. */
export const minCost = 1

/** A thing that is looked up, and a value of it that is shown. */
const objectWeight = 10
const valueWeight = 1

/** A row that one statement reads among many costs a fraction of a thing that is looked up. */
const rowsPerValue = 4

/** What a field reads beside what it shows, whatever is asked of it: so many rows, in one statement. */
const rowsRead: Readonly<Record<string, number>> = {
  'AccountHealth.slotsAtRisk': mostComingSlots,
  'AccountHealth.slotsAtRiskCount': mostComingSlots,
}

type Variables = Readonly<Record<string, unknown>>

/** The points that a document costs, of several operations the costliest. */
export function costOf(schema: GraphQLSchema, document: DocumentNode, variables: Variables = {}): number {
  return Math.max(minCost, Math.ceil(weightOf(schema, document, variables) / weightPerPoint))
}

/** Refuses documents that nobody could pay for. A page whose size is a variable counts by its default here. */
export function costLimitRule(context: ValidationContext): ASTVisitor {
  return {
    Document(document) {
      const cost = weightOf(context.getSchema(), document, {})
      if (cost <= maxWeight) return
      const [points, most] = [cost, maxWeight].map((each) => Math.ceil(each / weightPerPoint))
      context.reportError(
        new GraphQLError(
          `this costs ${points} points, and one request at most ${most}; ask for smaller pages`,
          {
            extensions: { code: 'TOO_COSTLY' },
          },
        ),
      )
    },
  }
}

/**
 * What a document reads: each object and each value that it shows, those of a page times the page's size, and of `nodes` times
 * the number of ids. `__typename` is known without reading. A fragment counts where it is spread, and is walked once, so the
 * time is that of the document's length, whatever its fragments multiply to. Of what is told apart by its type, the
 * costliest counts: an object has but one.
 */
export function weightOf(schema: GraphQLSchema, document: DocumentNode, variables: Variables = {}): number {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const each of document.definitions)
    if (each.kind === Kind.FRAGMENT_DEFINITION) fragments.set(each.name.value, each)
  const known = new Map<string, number>()

  const ofFragment = (fragment: FragmentDefinitionNode): number => {
    const name = fragment.name.value
    const before = known.get(name)
    if (before !== undefined) return before
    known.set(name, 0) // A fragment that spreads itself is refused by another rule.
    const type = schema.getType(fragment.typeCondition.name.value)
    const cost = isCompositeType(type) ? ofSelections(fragment.selectionSet, type) : 0
    known.set(name, cost)
    return cost
  }

  const ofSelections = (set: SelectionSetNode, parent: GraphQLCompositeType): number => {
    let common = 0
    const byType = new Map<string, number>()
    const add = (typeName: string | undefined, cost: number) => {
      const type = typeName === undefined ? parent : schema.getType(typeName)
      if (type === parent || !isObjectType(type)) common += cost
      else byType.set(type.name, (byType.get(type.name) ?? 0) + cost)
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
    if (!definition) return valueWeight // Introspection, or a mistake that another rule names.
    const type = getNamedType(definition.type)
    const read = Math.ceil((rowsRead[`${parent.name}.${name}`] ?? 0) / rowsPerValue) * valueWeight
    if (!field.selectionSet || !isCompositeType(type)) return valueWeight + read
    if (type.name === 'PageInfo') return 0 // Known with the page.
    const inner = ofSelections(field.selectionSet, type)
    if (type.name.endsWith('Edge')) return inner // The item in it is counted.
    const size = sizeOf(field, definition.args, document, variables)
    const isConnection = type.name.endsWith('Connection')
    return read + (isConnection ? objectWeight + size * inner : size * (objectWeight + inner))
  }

  let most = 0
  for (const each of document.definitions) {
    if (each.kind !== Kind.OPERATION_DEFINITION) continue
    const root = schema.getRootType(each.operation)
    if (root) most = Math.max(most, ofSelections(each.selectionSet, root))
  }
  return most
}

/** How many things a field answers at most: the size of its page, or the number of its ids; 1 if it has neither. */
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
  // What is no size is refused when it is read.
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
