import { type DocumentNode, type ExecutionResult, GraphQLError, type OperationDefinitionNode } from 'graphql'
import type { Logger } from '../../logger.ts'
import { type KeyWatch, keyRevokedError, type WatchedKey } from '../server/key-watch.ts'
import { addRequestId, maskError, withoutHttp } from '../server/mask.ts'
import type { EventSelection } from './event-subscription.ts'
import { eventPageSize } from './organization-feed.ts'
import type { LeaveReason, LiveSubscriber, SharedExecution } from './shared-execution.ts'
import type { Transport } from './transport.ts'

export interface SharedSubscriberOptions {
  readonly selection: EventSelection
  readonly transport: Transport
  readonly keys: KeyWatch
  readonly log: Logger
  readonly requestId: string
  readonly document: DocumentNode
  readonly operation: OperationDefinitionNode | null | undefined
}

/**
 * One subscriber of a shared execution. It yields the results of events that the execution has already delivered, until it is
 * level, and then waits while the execution writes to its transport.
 */
export class SharedSubscriber implements AsyncIterableIterator<ExecutionResult>, LiveSubscriber {
  readonly keyId: string
  readonly transport: Transport
  cursor = 0
  onLeft: (reason: LeaveReason) => void = () => undefined
  readonly #options: SharedSubscriberOptions
  /** Held until the start only: it keeps the context of the request, which is as large as the rest of the subscriber. */
  #executionOf: (() => SharedExecution) | undefined
  #started: Started | undefined
  #isEnded = false

  /** `executionOf` returns the execution to join when the subscriber starts. */
  constructor(options: SharedSubscriberOptions, executionOf: () => SharedExecution) {
    this.#options = options
    this.#executionOf = executionOf
    this.keyId = options.selection.keyId
    this.transport = options.transport
  }

  get key(): WatchedKey {
    if (!this.#started) throw new Error('the subscriber has not started')
    return this.#started.key
  }

  textOf(result: ExecutionResult): string {
    return JSON.stringify(this.#own(result))
  }

  async next(): Promise<IteratorResult<ExecutionResult>> {
    if (this.#isEnded) return { value: undefined, done: true }
    this.#started ??= this.#start()
    try {
      const result = await this.#started.results.next()
      if (result.done) this.#end()
      return result
    } catch (error) {
      this.#end()
      throw this.#masked(error)
    }
  }

  async return(): Promise<IteratorResult<ExecutionResult>> {
    this.#end()
    await this.#started?.results.return()
    return { value: undefined, done: true }
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult>> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator]() {
    return this
  }

  #start(): Started {
    const execution = this.#executionOf?.()
    if (!execution) throw new Error('the subscriber has started before')
    this.#executionOf = undefined
    execution.enter()
    return { execution, key: this.#options.keys.watch(this.keyId), results: this.#results(execution) }
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    if (!this.#started) return
    const { execution, key } = this.#started
    execution.remove(this)
    execution.leave()
    key.release()
    // Wakes the generator, which would otherwise handle `return()` only at its next `yield`.
    this.onLeft({ kind: 'ended' })
  }

  async *#results(execution: SharedExecution): AsyncGenerator<ExecutionResult, void, undefined> {
    await execution.started
    this.cursor = this.#options.selection.after ?? execution.position
    while (!this.#isEnded) {
      if (this.key.revoked.aborted) throw keyRevokedError()
      const end = execution.end ?? (await this.#progress(execution))
      if (end?.kind === 'failed') throw end.error
      if (end?.kind === 'ended') return
      if (this.cursor < execution.position) yield* this.#replay(execution)
    }
  }

  /** Waits as a live subscriber, if it is level, until it no longer is. */
  #progress(execution: SharedExecution): Promise<LeaveReason> | undefined {
    // Nothing is delivered between this comparison and the addition: no await separates them.
    if (this.cursor < execution.position) return undefined
    return new Promise((resolve) => {
      this.onLeft = resolve
      execution.join(this)
    })
  }

  /** One page of the events that the execution has delivered before. */
  async *#replay(execution: SharedExecution): AsyncGenerator<ExecutionResult, void, undefined> {
    const { position: until } = execution
    const page = await execution.readPage({ after: this.cursor, until })
    for (const event of page) {
      const [result] = await execution.execute([event])
      await this.key.confirmed()
      if (this.key.revoked.aborted) throw keyRevokedError()
      if (this.#isEnded || !result) return
      this.cursor = event.sequence
      yield this.#own(result)
    }
    if (page.length < eventPageSize) this.cursor = until
  }

  /** Masks errors and adds the request id. Their places are removed if the executed document may have another text. */
  #own(result: ExecutionResult): ExecutionResult {
    if (!result.errors) return result
    const { requestId, log, document } = this.#options
    const isSource = this.#started?.execution.source === document
    const errors = result.errors.map((error) =>
      withoutHttp(maskError(isSource ? error : withoutPlace(error))),
    )
    return addRequestId({ ...result, errors }, requestId, log)
  }

  /** What ends the stream. Its place is the operation. */
  #masked(error: unknown): GraphQLError {
    const { requestId, log, operation } = this.#options
    const originalError = error instanceof Error ? error : new Error(String(error))
    const located = new GraphQLError(originalError.message, { originalError, nodes: operation ?? null })
    const { errors } = addRequestId({ errors: [withoutHttp(maskError(located))] }, requestId, log)
    return errors[0] ?? located
  }
}

function withoutPlace({ message, path, originalError, extensions }: GraphQLError): GraphQLError {
  return new GraphQLError(message, { path: path ?? null, originalError: originalError ?? null, extensions })
}

interface Started {
  readonly execution: SharedExecution
  readonly key: WatchedKey
  readonly results: AsyncGenerator<ExecutionResult, void, undefined>
}
