import { createHash } from 'node:crypto'
import { type ExecutionArgs, type ExecutionResult, type GraphQLError, locatedError, print } from 'graphql'
import type { Tx } from '../../store/database.ts'
import { storeOutcome } from '../../store/tenant/idempotency-keys.ts'
import { IdempotencyInProgress, InvalidInput, type RefusalError } from '../schema/error.ts'
import type { Context } from '../server/context.ts'
import { createLoaders } from '../server/loaders.ts'
import { canonicalJson } from './canonical-json.ts'
import { keyOf } from './idempotency-key.ts'
import type { KeyedMutex } from './keyed-mutex.ts'
import type { OpenRun, RunResult } from './mutation-context.ts'
import { type RootField, splitFields } from './split-fields.ts'

type Execute = (request: ExecutionArgs) => ExecutionResult | Promise<ExecutionResult>

interface MutationRequest {
  readonly request: ExecutionArgs
  readonly context: Context
  /** Executes one field within a context. */
  execute(field: RootField, context: Context): Promise<ExecutionResult>
}

interface FieldResult {
  readonly response: ExecutionResult
  /** Null if nothing was done. */
  readonly result: RunResult | null
}

/**
 * Executes a mutation field by field, each in one transaction: the claim of its idempotency key, the command, the reads of the
 * response and the storing of that response. A crash therefore leaves no effect without its stored response, and an error
 * in the response rolls the effect back. Other operations are executed unchanged.
 *
 * `mutex` serializes the requests of this process under one key. Otherwise each would hold a connection while it waits in
 * Postgres, and a burst of retries would use up the pool.
 */
export async function executeMutation(
  execute: Execute,
  mutex: KeyedMutex,
  request: ExecutionArgs,
): Promise<ExecutionResult> {
  const fields = splitFields(request)
  if (fields === null) return await execute(request)

  const context = request.contextValue as Context // Made by our context factory.
  const mutation: MutationRequest = {
    request,
    context,
    execute: async ({ document }, contextValue) => await execute({ ...request, document, contextValue }),
  }
  const mutationFields = fields.filter(({ name }) => name !== '__typename')
  // With several mutation fields in one request, the header is ambiguous.
  const header = mutationFields.length === 1 ? context.idempotencyKey : null
  const data: Record<string, unknown> = {}
  const replayed: string[] = []
  for (const field of fields) {
    const { response, result } = mutationFields.includes(field)
      ? await executeField(mutation, field, mutex, keyOf(field.args.input, header))
      : { response: await mutation.execute(field, context), result: null }
    if (!response.data) return response
    Object.assign(data, response.data)
    if (result?.kind === 'replayed') replayed.push(field.responseKey)
  }
  if (replayed.length === 0) return { data }
  context.responseHeaders?.set('idempotent-replayed', 'true')
  const isUnambiguousHeader = context.responseHeaders !== null && mutationFields.length === 1
  return isUnambiguousHeader ? { data } : { data, extensions: { idempotentReplayed: replayed } }
}

async function executeField(
  mutation: MutationRequest,
  field: RootField,
  mutex: KeyedMutex,
  key: string | null | InvalidInput,
): Promise<FieldResult> {
  const { context } = mutation
  const refuse = async (refusal: RefusalError): Promise<FieldResult> => ({
    response: await mutation.execute(field, { ...context, mutation: { kind: 'refused', refusal } }),
    result: { kind: 'failed', error: refusal },
  })
  if (key instanceof InvalidInput) return await refuse(key)
  const run = () => executeInTransaction(mutation, field, key)
  const executed =
    key === null
      ? await run()
      : ((await mutex.runExclusive(`${context.viewer.organizationId} ${key}`, run)) ??
        (await refuse(new IdempotencyInProgress())))

  const { result } = executed
  if (result?.kind === 'done') context.invalidateCaches()
  if (result?.kind === 'failed' && result.error instanceof IdempotencyInProgress)
    context.responseHeaders?.set('retry-after', String(result.error.retryAfterSeconds))
  return executed
}

async function executeInTransaction(
  mutation: MutationRequest,
  field: RootField,
  key: string | null,
): Promise<FieldResult> {
  const { context, request } = mutation
  const requestHash = hashOf(request, field)
  try {
    return await retryOnSerializationFailure(() =>
      context.transact(async (tx) => {
        const run: OpenRun = { kind: 'open', tx, key, requestHash, result: null }
        const response = await mutation.execute(field, contextWithin(run, context))
        return await settle(run, context.viewer.organizationId, field, response)
      }),
    )
  } catch (error) {
    if (error instanceof RollbackWithResult) return error.fieldResult
    return { response: failed([locatedError(error, field.nodes, [field.responseKey])]), result: null }
  }
}

/** Stores the response of a mutation that was done. Throws where the transaction must roll back. */
async function settle(
  { tx, key, requestHash, result }: OpenRun,
  organizationId: string,
  { responseKey }: RootField,
  response: ExecutionResult,
): Promise<FieldResult> {
  if (result?.kind === 'replayed' && result.response !== null)
    return { response: { data: { [responseKey]: JSON.parse(result.response) } }, result }
  if (result?.kind === 'failed' && isSerializationFailure(result.error)) throw result.error
  if (response.errors) throw new RollbackWithResult({ response: failed(response.errors), result: null })
  if (result === null || result.kind === 'failed') throw new RollbackWithResult({ response, result })
  if (result.kind === 'done' && key !== null) {
    const stored = result.hasSecrets
      ? null
      : { body: JSON.stringify(response.data?.[responseKey]), requestHash }
    await storeOutcome(tx, { organizationId, key }, { outcome: result.storedOutcome, response: stored })
  }
  return { response, result }
}

/** A context whose reads run in the transaction of the mutation, one statement after another. */
function contextWithin(mutation: OpenRun, context: Context): Context {
  let last: Promise<unknown> = Promise.resolve()
  const read = <Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> => {
    const next = last.then(() => work(mutation.tx))
    last = next.catch(() => undefined)
    return next
  }
  const { viewer, accountsLackingKey } = context
  return { ...context, mutation, read, load: createLoaders(viewer.organizationId, read, accountsLackingKey) }
}

function hashOf(
  { document, operationName, variableValues }: ExecutionArgs,
  { responseKey }: RootField,
): Buffer {
  const request = [print(document), operationName ?? null, variableValues ?? {}, responseKey]
  return createHash('sha256').update(canonicalJson(request)).digest()
}

function failed(errors: readonly GraphQLError[]): ExecutionResult {
  return { data: null, errors }
}

/** Rolls the transaction of a field back and carries the field's result. */
class RollbackWithResult extends Error {
  override readonly name = 'RollbackWithResult'
  readonly fieldResult: FieldResult
  constructor(fieldResult: FieldResult) {
    super('the mutation was rolled back')
    this.fieldResult = fieldResult
  }
}

/** Retries a transaction that Postgres rolled back because of a deadlock or a serialization failure, up to three times. */
async function retryOnSerializationFailure<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let retriesLeft = 3; ; retriesLeft -= 1) {
    try {
      return await run()
    } catch (error) {
      if (retriesLeft === 0 || !isSerializationFailure(error)) throw error
    }
  }
}

/** `deadlock_detected` or `serialization_failure`. */
function isSerializationFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '40P01' || error.code === '40001')
}
