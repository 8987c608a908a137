import type { ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from '../../logger.ts'
import type { Context } from './context.ts'
import type { KeyWatch } from './key-watch.ts'
import { addRequestId, maskError } from './mask.ts'

/** How long a client has to read why its stream ends, before its connection is cut. */
export const closeGraceMs = 250

/**
 * What is true of every subscription, by server-sent events and by WebSocket: its errors carry the request id.
 * Over HTTP the response ends with the key, also of a client that reads nothing; a WebSocket ends as a whole.
 */
export function subscriptionPlugin(
  keys: KeyWatch,
  log: Logger,
): Plugin<Context & { readonly res?: ServerResponse }> {
  return {
    onSubscribe({ args: { contextValue: context } }) {
      const { viewer, requestId, res } = context
      return {
        onSubscribeResult({ result }) {
          if (!isAsyncIterable(result)) return undefined
          if (res) endWithKey(res, keys, viewer.keyId)
          return {
            onNext({ result: next, setResult }) {
              // Masked first: what is stamped has lost its cause.
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
          for (const last of errors) setError(last)
        },
      }
    },
  }
}

/** Cuts a response off once the key that it is given to does not work any more. */
export function endWithKey(response: ServerResponse, keys: KeyWatch, keyId: string): void {
  let cut: NodeJS.Timeout | undefined
  const key = keys.watch(keyId, () => {
    cut = setTimeout(() => response.destroy(), closeGraceMs)
  })
  response.once('close', () => {
    clearTimeout(cut)
    key.release()
  })
}
