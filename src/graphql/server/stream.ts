import type { ServerResponse } from 'node:http'
import type { ExecutionArgs, GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from '../../logger.ts'
import { SharedSubscriber } from '../events/shared-subscriber.ts'
import { createSharedSubscriptions } from '../events/shared-subscriptions.ts'
import type { Transport } from '../events/transport.ts'
import type { Context } from './context.ts'
import type { KeyWatch } from './key-watch.ts'
import { addRequestId, maskError } from './mask.ts'
import { createStreamBody, StreamTransport } from './stream-transport.ts'

/** How long a client may read the last message before its connection is destroyed. */
export const closeGraceMs = 250

/** What a subscription's context has beside its fields: the HTTP response, or the way to its WebSocket. */
interface Connected {
  readonly res?: ServerResponse
  readonly transport?: Transport
}

const streamHeaders = {
  'content-type': 'text/event-stream',
  connection: 'keep-alive',
  'cache-control': 'no-cache',
  'content-encoding': 'none',
} as const

const subscribers = new WeakMap<object, SharedSubscriber>()

/**
 * The subscriber of a response or of a WebSocket's transport. What the plugins return wraps it; its results need neither them nor
 * the stream of a `Response`, which cost 20 kB for each subscriber.
 */
export function subscriberOn(connection: ServerResponse | Transport): SharedSubscriber | undefined {
  return subscribers.get(connection)
}

/**
 * Executes subscriptions, over server-sent events and WebSocket: once for all that are the same and have a connection. Masks their
 * errors and adds the request id. An HTTP stream is destroyed when its API key is revoked, even if the client reads nothing;
 * `serveSockets` closes WebSockets.
 */
export function subscriptionPlugin(keys: KeyWatch, log: Logger): Plugin<Context & Connected> {
  const shared = createSharedSubscriptions(keys, log)
  return {
    onSubscribe({ args: { contextValue: context }, setSubscribeFn }) {
      const { viewer, requestId, res } = context
      const transport = res ? new StreamTransport(res) : context.transport
      if (transport)
        setSubscribeFn(async (args: ExecutionArgs) => {
          const result = await shared.open({ ...args, contextValue: context }, transport)
          if (result instanceof SharedSubscriber) subscribers.set(res ?? transport, result)
          if (res && result instanceof SharedSubscriber) destroyOnRevocation(res, keys, viewer.keyId)
          return result
        })
      return {
        onSubscribeResult({ result }) {
          if (!isAsyncIterable(result) || result instanceof SharedSubscriber) return undefined
          return {
            onNext({ result: next, setResult }) {
              // Masking comes first: `addRequestId` drops the cause that masking needs.
              if (next.errors)
                setResult(addRequestId({ ...next, errors: next.errors.map(maskError) }, requestId, log))
            },
          }
        },
        onSubscribeError({ error, setError }) {
          const { errors } = addRequestId<{ readonly errors: readonly GraphQLError[] }>(
            { errors: [maskError(error)] },
            requestId,
            log,
          )
          for (const masked of errors) setError(masked)
        },
      }
    },
    onResultProcess({ resultProcessor, setResultProcessor, serverContext }) {
      const { res } = serverContext as Connected
      const subscriber = res && subscriberOn(res)
      if (!resultProcessor || !subscriber) return // Without a processor the client accepts no stream.
      setResultProcessor((_result, { Response }) => {
        const body = createStreamBody(subscriber)
        return new Response(body as unknown as BodyInit, { headers: streamHeaders }) // Yoga's accepts Node's streams.
      }, 'text/event-stream')
    },
  }
}

/** Destroys a response shortly after its API key is revoked. */
export function destroyOnRevocation(response: ServerResponse, keys: KeyWatch, keyId: string): void {
  let timer: NodeJS.Timeout | undefined
  const key = keys.watch(keyId, () => {
    timer = setTimeout(() => response.destroy(), closeGraceMs)
  })
  response.once('close', () => {
    clearTimeout(timer)
    key.release()
  })
}
