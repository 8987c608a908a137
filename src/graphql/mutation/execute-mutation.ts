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

/** What was asked, and how one field of it is executed within a context. */
interface Asked {
  readonly request: ExecutionArgs
  readonly context: Context
  execute(field: RootField, context: Context): Promise<ExecutionResult>
}

/** What came of one field. */
interface Answer {
  readonly result: ExecutionResult
  /** Null if nothing was begun. */
  readonly end: RunResult | null
}

/**
 * Executes a mutation field by field, each in one transaction as a whole: the claim of its idempotency key, its effect, what
 * its answer shows, and the keeping of that answer, word for word, for whoever sends the same again. So no kill can leave an
 * effect without its answer, and what cannot be response was not done. Anything but a mutation is executed as it is.
 *
 * In `line`, requests of this process under the same key wait for each other. Otherwise each would hold a connection while it
 * waits in Postgres, and a client that retries in a storm would leave none for anybody else.
 */
export async function executeMutation(
  execute: Execute,
  line: KeyedMutex,
  request: ExecutionArgs,
): Promise<ExecutionResult> {
  const fields = splitFields(request)
  if (fields === null) return await execute(request)

  const context = request.contextValue as Context // As our own factory made it.
  const asked: Asked = {
    request,
    context,
    execute: async ({ document }, contextValue) => await execute({ ...request, document, contextValue }),
  }
  const mutations = fields.filter(({ name }) => name !== '__typename')
  // With several mutations in one request the header cannot say which it means.
  const header = mutations.length === 1 ? context.idempotencyKey : null
  const data: Record<string, unknown> = {}
  const replayed: string[] = []
  for (const field of fields) {
    const { result, end } = mutations.includes(field)
      ? await executeField(asked, field, line, keyOf(field.args.input, header))
      : { result: await asked.execute(field, context), end: null }
    if (!result.data) return result
    Object.assign(data, result.data)
    if (end?.kind === 'replayed') replayed.push(field.responseKey)
  }
  if (replayed.length === 0) return { data }
  context.responseHeaders?.set('idempotent-replayed', 'true')
  const isSaidByHeader = context.responseHeaders !== null && mutations.length === 1
  return isSaidByHeader ? { data } : { data, extensions: { idempotentReplayed: replayed } }
}

async function executeField(
  asked: Asked,
  field: RootField,
  line: KeyedMutex,
  key: string | null | InvalidInput,
): Promise<Answer> {
  const { context } = asked
  const refuse = async (refusal: RefusalError): Promise<Answer> => ({
    result: await asked.execute(field, { ...context, mutation: { kind: 'refused', refusal } }),
    end: { kind: 'stopped', by: refusal },
  })
  if (key instanceof InvalidInput) return await refuse(key)
  const run = () => executeInTransaction(asked, field, key)
  const answer =
    key === null
      ? await run()
      : ((await line.runExclusive(`${context.viewer.organizationId} ${key}`, run)) ??
        (await refuse(new IdempotencyInProgress())))

  const { end } = answer
  if (end?.kind === 'done') context.invalidateSettings()
  if (end?.kind === 'stopped' && end.by instanceof IdempotencyInProgress)
    context.responseHeaders?.set('retry-after', String(end.by.retryAfterSeconds))
  return answer
}

async function executeInTransaction(asked: Asked, field: RootField, key: string | null): Promise<Answer> {
  const { context, request } = asked
  const requestHash = hashOf(request, field)
  try {
    return await retryOnSerializationFailure(() =>
      context.transact(async (tx) => {
        const run: OpenRun = { kind: 'open', tx, key, requestHash, end: null }
        const result = await asked.execute(field, within(context, run))
        return await settle(run, context.viewer.organizationId, field, result)
      }),
    )
  } catch (error) {
    if (error instanceof RollbackWithResult) return error.answer
    return { result: failed([locatedError(error, field.nodes, [field.responseKey])]), end: null }
  }
}

/** Keeps the answer of what was done, for its transaction to commit. Throws if that is to be undone. */
async function settle(
  { tx, key, requestHash, end }: OpenRun,
  organizationId: string,
  { responseKey }: RootField,
  result: ExecutionResult,
): Promise<Answer> {
  if (end?.kind === 'replayed' && end.response !== null)
    return { result: { data: { [responseKey]: JSON.parse(end.response) } }, end }
  if (end?.kind === 'stopped' && isSerializationFailure(end.by)) throw end.by
  if (result.errors) throw new RollbackWithResult({ result: failed(result.errors), end: null })
  if (end === null || end.kind === 'stopped') throw new RollbackWithResult({ result, end })
  if (end.kind === 'done' && key !== null) {
    const response = end.isSecret ? null : { body: JSON.stringify(result.data?.[responseKey]), requestHash }
    await storeOutcome(tx, { organizationId, key }, { outcome: end.kept, response })
  }
  return { result, end }
}

/** Everything that the field resolves reads what its own transaction has written, one statement after another. */
function within(context: Context, mutation: OpenRun): Context {
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

/** Rolls a transaction back whose answer is known all the same. */
class RollbackWithResult extends Error {
  override readonly name = 'RollbackWithResult'
  readonly answer: Answer
  constructor(answer: Answer) {
    super('a mutation that did nothing')
    this.answer = answer
  }
}

/** Two transactions may have taken their locks crosswise; Postgres undoes one of them, and it may simply run again. */
async function retryOnSerializationFailure<Result>(run: () => Promise<Result>): Promise<Result> {
  for (let left = 3; ; left -= 1) {
    try {
      return await run()
    } catch (error) {
      if (left === 0 || !isSerializationFailure(error)) throw error
    }
  }
}

function isSerializationFailure(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === '40P01' || error.code === '40001')
}
