import { costLimitRule } from '@escape.tech/graphql-armor-cost-limit'
import { type ArgumentNode, type DocumentNode, Kind, TypeInfo, ValidationContext, visit } from 'graphql'
import { schema } from './schema.ts'

/** What no document may exceed as it is written: graphql-armor counts fields, deep ones more, times the sizes of pages. */
export const mostCost = 50_000
/** So that the costliest document takes a full bucket of a thousand points; that of one short mutation, a point. */
const costOfPoint = 50
/** What is refused before its cost is known. */
export const leastPoints = 1

const largestPage = 100

/**
 * The points that a document costs: the cost that it is limited by, counted by the same rule. That rule reads the sizes of
 * pages where they are written only; so those that are variables are written in first. Of several operations the costliest.
 */
export function pointsOf(document: DocumentNode, variables: Readonly<Record<string, unknown>> = {}): number {
  const cost = hasVariablePages(document) ? costOf(written(document, variables)) : costOf(document)
  return Math.max(leastPoints, Math.ceil(cost / costOfPoint))
}

/** Documents are kept as long as the server remembers them as parsed. */
function remembered<Value>(find: (document: DocumentNode) => Value): (document: DocumentNode) => Value {
  const known = new WeakMap<DocumentNode, Value>()
  return (document) => {
    const value = known.get(document) ?? find(document)
    known.set(document, value)
    return value
  }
}

const costOf = remembered((document) => {
  let cost = 0
  const rule = costLimitRule({
    maxCost: Number.POSITIVE_INFINITY,
    onAccept: [
      (_context, { n }) => {
        cost = Math.max(cost, n)
      },
    ],
  })
  visit(document, rule(new ValidationContext(schema, document, new TypeInfo(schema), () => undefined)))
  return cost
})

const hasVariablePages = remembered((document) => {
  let has = false
  visit(document, {
    Argument(node) {
      has ||= isVariablePage(node)
    },
  })
  return has
})

const isVariablePage = ({ name, value }: ArgumentNode) =>
  (name.value === 'first' || name.value === 'last') && value.kind === Kind.VARIABLE

/** Left out or null, a page has its usual size, which costs what it does where nothing is written. */
function written(document: DocumentNode, variables: Readonly<Record<string, unknown>>): DocumentNode {
  const defaults = new Map<string, unknown>()
  visit(document, {
    VariableDefinition({ variable, defaultValue }) {
      if (defaultValue?.kind === Kind.INT) defaults.set(variable.name.value, Number(defaultValue.value))
    },
  })
  return visit(document, {
    Argument(node) {
      if (!isVariablePage(node) || node.value.kind !== Kind.VARIABLE) return undefined
      const name = node.value.name.value
      const size = name in variables ? variables[name] : defaults.get(name)
      if (size === undefined || size === null) return null
      // What is no size is refused when it is read.
      const value = String(Number.isInteger(size) ? size : largestPage)
      return { ...node, value: { kind: Kind.INT, value } }
    },
  })
}
