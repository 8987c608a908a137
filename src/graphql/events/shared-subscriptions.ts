import { createSourceEventStream, type ExecutionArgs, type ExecutionResult, getOperationAST } from 'graphql'
import type { Logger } from '../../logger.ts'
import type { Context } from '../server/context.ts'
import type { KeyWatch } from '../server/key-watch.ts'
import { EventSubscription } from './event-subscription.ts'
import { SharedExecution } from './shared-execution.ts'
import { sharedOperationOf } from './shared-operation.ts'
import { SharedSubscriber } from './shared-subscriber.ts'
import type { Transport } from './transport.ts'

/** Subscriptions that are executed once for all who have the same one. */
export interface SharedSubscriptions {
  /**
   * Starts a subscription whose live messages are written to the transport, and returns the others: those that it replays, before
   * it is live and whenever it fell behind. Ask for the next one only after the previous one was written. It starts with the
   * first `next()` and throws once its key is revoked. Its errors are masked and have the request id. Returns errors if it cannot
   * start.
   */
  open(
    args: ExecutionArgs & { readonly contextValue: Context },
    transport: Transport,
  ): Promise<ExecutionResult | SharedSubscriber>
}

export function createSharedSubscriptions(keys: KeyWatch, log: Logger): SharedSubscriptions {
  const executions = new Map<string, SharedExecution>()

  return {
    async open(args, transport) {
      const source = await createSourceEventStream(args)
      if (!(source instanceof EventSubscription)) {
        if (Symbol.asyncIterator in source) throw new Error('a subscription field has another source')
        return source
      }
      const { schema, document, operationName, variableValues, contextValue: context } = args
      const { organizationId, selection } = source
      const operation = sharedOperationOf({
        schema,
        document,
        operationName,
        variables: variableValues,
        context,
      })
      const executionOf = (): SharedExecution => {
        const running = executions.get(operation.key)
        if (running && !running.hasEnded) return running
        const { filter } = selection
        const started: SharedExecution = new SharedExecution({
          organizationId,
          filter,
          schema,
          source: document,
          operation,
          context,
          onEnded: () => {
            if (executions.get(operation.key) === started) executions.delete(operation.key)
          },
        })
        executions.set(operation.key, started)
        return started
      }
      const { after, filter, keyId } = selection
      return new SharedSubscriber(
        {
          selection: { after, filter, keyId },
          transport,
          keys,
          log,
          requestId: context.requestId,
          document,
          operation: getOperationAST(document, operationName),
        },
        executionOf,
      )
    },
  }
}
