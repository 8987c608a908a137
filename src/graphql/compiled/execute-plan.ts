import {
  type ExecutionResult,
  type GraphQLError,
  type GraphQLField,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  locatedError,
} from 'graphql'
import type { Context } from '../server/context.ts'
import type { FieldPlan, QueryPlan, Selection, Shape } from './plan.ts'

/** Where a value is in the response, from the inside out. */
interface Path {
  readonly prev: Path | undefined
  readonly key: string | number
  readonly typename: string | undefined
}

interface Execution {
  readonly schema: GraphQLSchema
  readonly plan: QueryPlan
  readonly context: Context
  readonly variables: Readonly<Record<string, unknown>>
  /** The arguments of each field, once it was reached. */
  readonly args: (Readonly<Record<string, unknown>> | undefined)[]
  readonly errors: CollectedErrors
}

/** The errors of positions that are not within one that has become null already. */
class CollectedErrors {
  readonly all: GraphQLError[] = []
  readonly #nulled = new Set<Path | undefined>()

  add(error: GraphQLError, path: Path | undefined): void {
    for (let each = path; each; each = each.prev) if (this.#nulled.has(each)) return
    if (this.#nulled.has(undefined)) return
    this.#nulled.add(path)
    this.all.push(error)
  }
}

type Data = Record<string, unknown>

/**
 * Executes a compiled query as the GraphQL specification says (section 6): errors are located, and become null in the nearest
 * nullable field. `variables` are coerced.
 */
export async function executePlan(
  schema: GraphQLSchema,
  plan: QueryPlan,
  context: Context,
  variables: Readonly<Record<string, unknown>>,
): Promise<ExecutionResult> {
  const execution: Execution = { schema, plan, context, variables, args: [], errors: new CollectedErrors() }
  const { errors } = execution
  let data: Data | null
  try {
    data = await completeObject(plan.root, undefined, execution, undefined)
  } catch (error) {
    errors.add(error as GraphQLError, undefined) // Located by the field that threw it.
    data = null
  }
  return errors.all.length === 0 ? { data } : { errors: errors.all, data }
}

function completeObject(
  { fields }: Selection,
  source: unknown,
  execution: Execution,
  path: Path | undefined,
): Data | Promise<Data> {
  const data: Data = {}
  let pending: Promise<unknown>[] | undefined
  try {
    for (const field of fields) {
      const { key } = field
      const value = completeField(field, source, execution, path)
      data[key] = value // Also of a promise, so that the keys are in the order of the document.
      if (!isPromise(value)) continue
      pending ??= []
      pending.push(
        value.then((resolved) => {
          data[key] = resolved
        }),
      )
    }
  } catch (error) {
    if (!pending) throw error
    // The other fields may fail too, later.
    return Promise.allSettled(pending).then(() => {
      throw error
    })
  }
  return pending ? Promise.all(pending).then(() => data) : data
}

function completeField(
  field: FieldPlan,
  source: unknown,
  execution: Execution,
  parent: Path | undefined,
): unknown {
  const { shape } = field
  const path = isLeaf(shape) ? undefined : pathOf(field, parent)
  const fail = (error: unknown) => failed(error, shape, field, path ?? pathOf(field, parent), execution)
  try {
    const value = resolveField(field, source, execution, parent)
    const completed = isPromise(value)
      ? value.then((resolved) => complete(shape, resolved, field, execution, path))
      : complete(shape, value, field, execution, path)
    return isPromise(completed) ? completed.then(undefined, fail) : completed
  } catch (error) {
    return fail(error)
  }
}

function resolveField(
  field: FieldPlan,
  source: unknown,
  execution: Execution,
  parent: Path | undefined,
): unknown {
  const { property, resolve, constantArgs, definition, nodes, index } = field
  if (property !== null) {
    const value = (source as Data)[property]
    if (typeof value !== 'function') return value
  }
  let args = constantArgs ?? execution.args[index]
  if (!args) {
    const [node] = nodes
    if (!node) return undefined
    args = getArgumentValues(definition as GraphQLField<unknown, unknown>, node, execution.variables)
    execution.args[index] = args
  }
  // Few resolvers read what the fourth argument says.
  const info = resolve.length > 3 ? infoOf(field, execution, parent) : noInfo
  return resolve(source, args, execution.context, info)
}

function complete(
  shape: Shape,
  value: unknown,
  field: FieldPlan,
  execution: Execution,
  path: Path | undefined,
): unknown {
  if (shape.kind === 'nonNull') {
    const completed = complete(shape.of, value, field, execution, path)
    if (completed === null)
      throw new Error(
        `Cannot return null for non-nullable field ${field.parentType.name}.${field.definition.name}.`,
      )
    return completed
  }
  if (value instanceof Error) throw value
  if (value === null || value === undefined) return null
  switch (shape.kind) {
    case 'leaf': {
      const serialized = shape.serialize(value)
      if (serialized === null || serialized === undefined)
        throw new Error(
          `${shape.name} serialized a value of ${field.parentType.name}.${field.definition.name} as null`,
        )
      return serialized
    }
    case 'object':
      return completeObject(shape.selection, value, execution, path)
    case 'list':
      return completeList(shape.of, value, field, execution, path)
  }
}

function completeList(
  itemShape: Shape,
  value: unknown,
  field: FieldPlan,
  execution: Execution,
  path: Path | undefined,
): unknown[] | Promise<unknown[]> {
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value))
    throw new Error(
      `Expected Iterable, but did not find one for field "${field.parentType.name}.${field.definition.name}".`,
    )
  const items: unknown[] = []
  let hasPromise = false
  try {
    for (const item of value as Iterable<unknown>) {
      const completed = completeItem(itemShape, item, field, execution, {
        prev: path,
        key: items.length,
        typename: undefined,
      })
      if (isPromise(completed)) hasPromise = true
      items.push(completed)
    }
  } catch (error) {
    if (!hasPromise) throw error
    // The other items may fail too, later.
    return Promise.allSettled(items).then(() => {
      throw error
    })
  }
  return hasPromise ? Promise.all(items) : items
}

function completeItem(
  shape: Shape,
  item: unknown,
  field: FieldPlan,
  execution: Execution,
  path: Path,
): unknown {
  const fail = (error: unknown) => failed(error, shape, field, path, execution)
  try {
    const completed = isPromise(item)
      ? item.then((resolved) => complete(shape, resolved, field, execution, path))
      : complete(shape, item, field, execution, path)
    return isPromise(completed) ? completed.then(undefined, fail) : completed
  } catch (error) {
    return fail(error)
  }
}

/** Null if the position may be null, and an entry in the errors; otherwise the error is the parent's. */
function failed(error: unknown, shape: Shape, field: FieldPlan, path: Path, execution: Execution): null {
  const located = locatedError(error, field.nodes, keysOf(path))
  if (shape.kind === 'nonNull') throw located
  execution.errors.add(located, path)
  return null
}

const isLeaf = (shape: Shape): boolean =>
  shape.kind === 'leaf' || (shape.kind === 'nonNull' && shape.of.kind === 'leaf')

const pathOf = ({ key, parentType }: FieldPlan, prev: Path | undefined): Path => ({
  prev,
  key,
  typename: parentType.name,
})

function keysOf(path: Path): (string | number)[] {
  const keys: (string | number)[] = []
  for (let each: Path | undefined = path; each; each = each.prev) keys.push(each.key)
  return keys.reverse()
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

const noInfo = {} as GraphQLResolveInfo // Passed to resolvers that do not take it.

function infoOf(field: FieldPlan, execution: Execution, parent: Path | undefined): GraphQLResolveInfo {
  const { definition, nodes, parentType } = field
  const { plan, schema, variables } = execution
  return {
    fieldName: definition.name,
    fieldNodes: nodes,
    returnType: definition.type,
    parentType,
    path: pathOf(field, parent),
    schema,
    fragments: plan.fragments,
    rootValue: undefined,
    operation: plan.operation,
    variableValues: variables as GraphQLResolveInfo['variableValues'],
  }
}
