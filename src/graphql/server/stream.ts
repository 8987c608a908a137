import type { ServerResponse } from 'node:http'
import type { GraphQLError } from 'graphql'
import { isAsyncIterable, type Plugin } from 'graphql-yoga'
import type { Logger } from '../../logger.ts'
import type { Context } from './context.ts'
import type { KeyWatch } from './key-watch.ts'
import { addRequestId, maskError } from './mask.ts'

/** How long a client may read the last message before its connection is destroyed. */
export const closeGraceMs = 250

/**
 * Masks the errors of every subscription, over server-sent events and WebSocket, and adds the request id. An HTTP stream is
 * destroyed when its API key is revoked, even if the client reads nothing; `serveSockets` closes WebSockets.
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
          if (res) destroyOnRevocation(res, keys, viewer.keyId)
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
