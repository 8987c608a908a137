import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type ExecutionArgs, getOperationAST } from 'graphql'
import { CloseCode, type OperationResult } from 'graphql-ws'
import { useServer } from 'graphql-ws/use/ws'
import { isAsyncIterable } from 'graphql-yoga'
import { type WebSocket, WebSocketServer } from 'ws'
import type { Logger } from '../../logger.ts'
import { requestError } from '../schema/error.ts'
import type { Authenticator } from './authenticate.ts'
import type { ChargeRequest } from './charge-request.ts'
import type { Viewer } from './context.ts'
import { minCost } from './cost.ts'
import type { HostGuard } from './host-guard.ts'
import { checkParams } from './json-input.ts'
import { type KeyWatch, keyRevokedClose, keyRevokedError, type WatchedKey } from './key-watch.ts'
import { addRequestId, maskError, withoutHttp } from './mask.ts'
import { badRequest, notFound, type Problem, problemOf, rejectConnection } from './problem.ts'
import { pathOf } from './request-path.ts'
import { closeGraceMs } from './stream.ts'
import type { createGraphQL, RequestFacts } from './yoga.ts'

export interface SocketLimits {
  readonly sockets: number
  readonly socketsPerOrganization: number
  readonly operationsPerSocket: number
}

export const defaultSocketLimits: SocketLimits = {
  sockets: 2_000,
  socketsPerOrganization: 200,
  operationsPerSocket: 20,
}

/** What we know of a socket. */
interface ConnectionInfo {
  authorization: string
  viewer: Viewer
  key: WatchedKey
  [key: PropertyKey]: unknown
}

interface Enveloped {
  readonly execute: (args: ExecutionArgs) => OperationResult
  readonly subscribe: (args: ExecutionArgs) => OperationResult
}

/**
 * Serves GraphQL over WebSocket (graphql-transport-ws) on `/graphql` of an HTTP server. Every operation goes through the
 * same checks as over HTTP; the key comes as `connectionParams: { apiKey }` or in the header of the upgrade.
 */
export function serveSockets(
  server: Server,
  options: {
    readonly graphql: ReturnType<typeof createGraphQL>
    readonly authenticator: Authenticator
    readonly keys: KeyWatch
    readonly chargeRequest: ChargeRequest
    readonly limits: SocketLimits
    readonly log: Logger
    readonly refusedHost: HostGuard
  },
): { close(): Promise<void> } {
  const { graphql, authenticator, keys, chargeRequest, limits, log, refusedHost } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1_024, perMessageDeflate: false })
  const socketCounts = new Map<string, number>()

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined) // A peer that vanishes is no mistake of ours.
    if (pathOf(request) !== '/graphql') return rejectConnection(socket, notFound)
    const refused = refusedHost(request)
    if (refused) return rejectConnection(socket, refused)
    if (sockets.clients.size >= limits.sockets) return rejectConnection(socket, tooManySockets)
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request))
  })

  sockets.on('wsClientError', (_error, socket) => rejectConnection(socket, badRequest))

  const protocol = useServer<{ apiKey?: unknown; authorization?: unknown }, ConnectionInfo>(
    {
      async onConnect({ connectionParams, extra }) {
        const authorization = authorizationOf(connectionParams, extra.request)
        const found = await authenticator.authenticate(authorization).then(
          (viewer) => ({ viewer }),
          (error: unknown) => ({ error }),
        )
        if ('error' in found) {
          const { status, message } = problemOf(found.error, log, randomUUID())
          // Clients come back by themselves after "try again later", and not after "internal error".
          extra.socket.close(status === 503 ? 1013 : CloseCode.InternalServerError, message)
          return false
        }
        const { viewer } = found
        // Who left meanwhile takes no seat: nobody would give it back.
        if (!viewer || extra.socket.readyState !== extra.socket.OPEN) return false
        const taken = socketCounts.get(viewer.organizationId) ?? 0
        if (taken >= limits.socketsPerOrganization) return false
        socketCounts.set(viewer.organizationId, taken + 1)
        extra.authorization = authorization
        extra.viewer = viewer
        extra.key = keys.watch(viewer.keyId, () => shut(extra.socket))
        return true
      },
      onClose({ extra: { viewer, key } }) {
        key?.release()
        if (viewer)
          socketCounts.set(viewer.organizationId, (socketCounts.get(viewer.organizationId) ?? 1) - 1)
      },
      async onSubscribe({ extra, subscriptions }, _id, payload) {
        const requestId = randomUUID()
        let facts: RequestFacts | undefined
        const told = (result: Awaited<OperationResult>) =>
          isAsyncIterable(result) || !result.errors
            ? result
            : addRequestId({ ...result, errors: result.errors.map(withoutHttp) }, requestId, log)
        /** What is refused before it was charged is charged like a document that is wrong. */
        const refuse = async (...errors: readonly unknown[]) => {
          const unpaid = facts && facts.charge === undefined ? await chargeRequest(facts, minCost) : null
          const told = (unpaid ? [unpaid] : errors).map((error) => withoutHttp(maskError(error)))
          return addRequestId({ errors: told }, requestId, log).errors
        }
        try {
          // Asked anew each time: a revoked key shall not live on in an open socket.
          const viewer = await authenticator.authenticate(extra.authorization)
          if (!viewer) throw keyRevokedError()
          if (Object.keys(subscriptions).length > limits.operationsPerSocket)
            throw requestError(
              'TOO_MANY_SUBSCRIPTIONS',
              `a socket follows at most ${limits.operationsPerSocket}`,
            )
          facts = {
            requestId,
            viewer,
            origin: originOf(extra.request),
            idempotencyKey: null,
            responseHeaders: null,
          }
          checkParams(payload)
          const { schema, parse, validate, contextFactory, execute, subscribe } = graphql.getEnveloped({
            facts,
            params: payload,
          })
          const document = parse(payload.query)
          const errors = validate(schema, document)
          if (errors.length > 0) return await refuse(...errors)
          if (!getOperationAST(document, payload.operationName))
            throw requestError('BAD_USER_INPUT', 'operationName has to name one of the operations')
          return {
            schema,
            document,
            operationName: payload.operationName ?? null,
            variableValues: payload.variables ?? null,
            contextValue: await contextFactory(),
            rootValue: {
              execute: async (args) => told(await execute(args)),
              subscribe: async (args) => told(await subscribe(args)),
            } satisfies Enveloped,
          }
        } catch (error) {
          return await refuse(error)
        }
      },
      execute: (args) => (args.rootValue as Enveloped).execute(args), // Ours, from onSubscribe.
      subscribe: (args) => (args.rootValue as Enveloped).subscribe(args),
      isProd: true, // Otherwise a socket is closed with our errors' own words.
    },
    sockets,
  )
  // After graphql-ws, which prints to the console what a peer did wrong. `ws` has closed the socket by then.
  sockets.on('connection', (socket) => {
    socket.removeAllListeners('error')
    socket.on('error', (error) => log.debug({ err: error }, 'a socket broke'))
  })

  return {
    async close() {
      await protocol.dispose() // 1001, going away: clients connect again and resume by their cursor.
      sockets.close()
    },
  }
}

/** Also for a peer that reads nothing and so never answers the closing frame. */
function shut(socket: WebSocket): void {
  socket.close(keyRevokedClose.code, keyRevokedClose.reason)
  const cut = setTimeout(() => socket.terminate(), closeGraceMs)
  socket.once('close', () => clearTimeout(cut))
}

const tooManySockets: Problem = {
  status: 503,
  code: 'TOO_MANY_SOCKETS',
  message: 'As many sockets are open as this process takes. Try again later.',
  retryAfterSeconds: 5,
}

function authorizationOf(
  params: { readonly apiKey?: unknown; readonly authorization?: unknown } | undefined,
  request: IncomingMessage,
): string {
  if (typeof params?.apiKey === 'string') return `Bearer ${params.apiKey}`
  if (typeof params?.authorization === 'string') return params.authorization
  return request.headers.authorization ?? ''
}

function originOf({ headers }: IncomingMessage): string {
  return `http://${headers.host ?? 'localhost'}`
}
