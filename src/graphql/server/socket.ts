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
import type { RequestFacts } from './create-context.ts'
import type { HostGuard } from './host-guard.ts'
import { checkParams } from './json-input.ts'
import { type KeyWatch, keyRevokedClose, keyRevokedError, type WatchedKey } from './key-watch.ts'
import { addRequestId, maskError, withoutHttp } from './mask.ts'
import { badRequest, notFound, type Problem, problemOf, rejectConnection } from './problem.ts'
import { pathOf } from './request-path.ts'
import { pingSockets } from './socket-ping.ts'
import { SocketTransport } from './socket-transport.ts'
import { closeGraceMs, subscriberOn } from './stream.ts'
import type { createGraphQL } from './yoga.ts'

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

/** Kept for each WebSocket by graphql-ws. */
interface ConnectionInfo {
  authorization: string
  viewer: Viewer
  key: WatchedKey
  [key: PropertyKey]: unknown
}

type Run = (args: ExecutionArgs) => OperationResult

interface PreparedOperation {
  execute(): OperationResult
  subscribe(): OperationResult
}

/** graphql-ws keeps the arguments of an operation until its end. This lets go of the context, 5 kB, once it has started. */
function startOnce(
  start: (run: Run) => OperationResult,
  runs: { readonly execute: Run; readonly subscribe: Run },
): PreparedOperation {
  let pending: { readonly start: typeof start; readonly runs: typeof runs } | undefined = { start, runs }
  const startBy = (name: keyof typeof runs): OperationResult => {
    const started = pending
    pending = undefined
    if (!started) throw new Error('the operation has started before')
    return started.start(started.runs[name])
  }
  return { execute: () => startBy('execute'), subscribe: () => startBy('subscribe') }
}

/**
 * Serves GraphQL over WebSocket (graphql-transport-ws) at `/graphql` of an HTTP server. Every operation passes the same checks
 * as over HTTP. The API key is sent as `connectionParams: { apiKey }` or in the `Authorization` header of the upgrade.
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
    readonly checkHost: HostGuard
  },
): { close(): Promise<void> } {
  const { graphql, authenticator, keys, chargeRequest, limits, log, checkHost } = options
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1_024, perMessageDeflate: false })
  const socketCounts = new Map<string, number>()

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined) // A client that disappears is not an error.
    if (pathOf(request) !== '/graphql') return rejectConnection(socket, notFound)
    const wrongHost = checkHost(request)
    if (wrongHost) return rejectConnection(socket, wrongHost)
    if (sockets.clients.size >= limits.sockets) return rejectConnection(socket, tooManySockets)
    sockets.handleUpgrade(request, socket, head, (opened) => sockets.emit('connection', opened, request))
  })

  sockets.on('wsClientError', (_error, socket) => rejectConnection(socket, badRequest))

  const protocol = useServer<{ apiKey?: unknown; authorization?: unknown }, ConnectionInfo>(
    {
      async onConnect({ connectionParams, extra }) {
        const authorization = authorizationOf(connectionParams, extra.request)
        const authenticated = await authenticator.authenticate(authorization).then(
          (viewer) => ({ viewer }),
          (error: unknown) => ({ error }),
        )
        if ('error' in authenticated) {
          const { status, message } = problemOf(authenticated.error, log, randomUUID())
          // Clients reconnect after 1013, "try again later", but not after an internal error.
          extra.socket.close(status === 503 ? 1013 : CloseCode.InternalServerError, message)
          return false
        }
        const { viewer } = authenticated
        // A socket that closed meanwhile is not counted: `onClose` was already called for it.
        if (!viewer || extra.socket.readyState !== extra.socket.OPEN) return false
        const count = socketCounts.get(viewer.organizationId) ?? 0
        if (count >= limits.socketsPerOrganization) return false
        socketCounts.set(viewer.organizationId, count + 1)
        extra.authorization = authorization
        extra.viewer = viewer
        extra.key = keys.watch(viewer.keyId, () => closeRevoked(extra.socket))
        return true
      },
      onClose({ extra: { viewer, key } }) {
        key?.release()
        if (viewer)
          socketCounts.set(viewer.organizationId, (socketCounts.get(viewer.organizationId) ?? 1) - 1)
      },
      async onSubscribe({ extra, subscriptions }, id, payload) {
        const requestId = randomUUID()
        let facts: RequestFacts | undefined
        const withRequestId = (result: Awaited<OperationResult>) =>
          isAsyncIterable(result) || !result.errors
            ? result
            : addRequestId({ ...result, errors: result.errors.map(withoutHttp) }, requestId, log)
        /** A request that is rejected before it was charged costs the minimum. */
        const refuse = async (...errors: readonly unknown[]) => {
          const unaffordable =
            facts && facts.charge === undefined ? await chargeRequest(facts, minCost) : null
          const masked = (unaffordable ? [unaffordable] : errors).map((error) =>
            withoutHttp(maskError(error)),
          )
          return addRequestId({ errors: masked }, requestId, log).errors
        }
        try {
          // Each operation authenticates again, so that a revoked key does not stay valid in an open socket.
          const viewer = await authenticator.authenticate(extra.authorization)
          if (!viewer) throw keyRevokedError()
          if (Object.keys(subscriptions).length > limits.operationsPerSocket)
            throw requestError(
              'TOO_MANY_SUBSCRIPTIONS',
              `a socket may have at most ${limits.operationsPerSocket} operations`,
            )
          facts = {
            requestId,
            viewer,
            origin: originOf(extra.request),
            idempotencyKey: null,
            responseHeaders: null,
          }
          checkParams(payload)
          const transport = new SocketTransport(extra.socket, id)
          const enveloped = graphql.getEnveloped({ facts, params: payload, transport })
          const { schema, parse, validate } = enveloped
          const document = parse(payload.query)
          const errors = validate(schema, document)
          if (errors.length > 0) return await refuse(...errors)
          if (!getOperationAST(document, payload.operationName))
            throw requestError(
              'BAD_USER_INPUT',
              'operationName must name one of the operations of the document',
            )
          const args = {
            schema,
            document,
            operationName: payload.operationName ?? null,
            variableValues: payload.variables ?? null,
          }
          const context = await enveloped.contextFactory()
          const start = async (run: Run): Promise<Awaited<OperationResult>> => {
            const result = await run({ ...args, contextValue: context })
            return subscriberOn(transport) ?? withRequestId(result)
          }
          return { ...args, contextValue: null, rootValue: startOnce(start, enveloped) }
        } catch (error) {
          return await refuse(error)
        }
      },
      execute: ({ rootValue }) => (rootValue as PreparedOperation).execute(), // Set in onSubscribe.
      subscribe: ({ rootValue }) => (rootValue as PreparedOperation).subscribe(),
      isProd: true, // Otherwise graphql-ws closes sockets with the messages of our errors.
    },
    sockets,
    0, // A timer for each socket costs more memory than one for all.
  )
  const stopPings = pingSockets(sockets)
  // Replaces the listener of graphql-ws, which prints protocol errors to the console. `ws` closes the socket itself.
  sockets.on('connection', (socket) => {
    socket.removeAllListeners('error')
    socket.on('error', (error) => log.debug({ err: error }, 'a WebSocket failed'))
  })

  return {
    async close() {
      stopPings()
      await protocol.dispose() // Closes with 1001, going away: clients reconnect and resume by their cursor.
      sockets.close()
    },
  }
}

/** Closes a socket, and terminates it if the client does not answer the close frame in time. */
function closeRevoked(socket: WebSocket): void {
  socket.close(keyRevokedClose.code, keyRevokedClose.reason)
  const timer = setTimeout(() => socket.terminate(), closeGraceMs)
  socket.once('close', () => clearTimeout(timer))
}

const tooManySockets: Problem = {
  status: 503,
  code: 'TOO_MANY_SOCKETS',
  message: 'This process has reached its maximum number of WebSockets. Try again later.',
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
