import { type DocumentNode, type GraphQLSchema, Kind, visit } from 'graphql'
import { costOf } from '../server/cost.ts'
import { compileQuery, type QueryPlan } from './plan.ts'
import { RecentMap } from './recent-map.ts'

/** A query that was validated and compiled. */
export interface KnownQuery {
  readonly plan: QueryPlan
  readonly operationName: string | null
  /** What the request is charged; depends on the variables only where one is the size of a list. */
  costOf(variables: Readonly<Record<string, unknown>>): number
}

/** The documents that clients send again and again. */
export interface KnownDocuments {
  /** The compiled query; undefined if the document is not known, or only the general executor can execute it. */
  find(text: string): KnownQuery | undefined
  /** Remembers a document that the general pipeline found valid. It is compiled when it is sent for the second time. */
  learn(text: string, document: DocumentNode): void
  /** Compiles a valid document and keeps it forever. */
  trust(text: string, document: DocumentNode): void
}

/** So many compiled documents, and so many that were seen once, are remembered; those that were used last stay. */
const maxDocuments = 1_000
/** Longer texts are not remembered, so that all of them together take at most some megabytes. */
const maxTextLength = 8_192
const maxCosts = 128

export function createKnownDocuments(schema: GraphQLSchema): KnownDocuments {
  const compiled = new RecentMap<string, KnownQuery | null>(maxDocuments)
  const seen = new RecentMap<string, true>(maxDocuments)
  const trusted = new Map<string, KnownQuery | null>()

  return {
    find: (text) => trusted.get(text) ?? compiled.get(text) ?? undefined,
    learn(text, document) {
      if (text.length > maxTextLength || trusted.has(text) || compiled.get(text) !== undefined) return
      // Compiling a document takes as long as executing it some times.
      if (!seen.get(text)) return seen.set(text, true)
      compiled.set(text, knownQuery(schema, document))
    },
    trust: (text, document) => void trusted.set(text, knownQuery(schema, document)),
  }
}

/** Null if only the general executor can execute it. */
function knownQuery(schema: GraphQLSchema, document: DocumentNode): KnownQuery | null {
  const plan = compileQuery(schema, document)
  if (!plan) return null
  const sizes = sizeVariables(document)
  const costs = new RecentMap<string, number>(maxCosts)
  return {
    plan,
    operationName: plan.operation.name?.value ?? null,
    costOf(variables) {
      const key = sizes.map((name) => sizeOf(variables[name])).join()
      const known = costs.get(key)
      if (known !== undefined) return known
      const cost = costOf(schema, document, variables)
      costs.set(key, cost)
      return cost
    },
  }
}

/** The variables that are a page size or a list of ids. */
function sizeVariables(document: DocumentNode): readonly string[] {
  const names = new Set<string>()
  visit(document, {
    Argument({ name, value }) {
      if (['first', 'last', 'ids'].includes(name.value) && value.kind === Kind.VARIABLE)
        names.add(value.name.value)
    },
  })
  return [...names]
}

/** Values with the same text are the same size to `costOf`. */
function sizeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.length}]`
  return typeof value === 'object' && value !== null ? '{}' : `${typeof value} ${value}`.slice(0, 40)
}
