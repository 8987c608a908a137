import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AuthorizationStarter } from '../../commands/account/connect-account.ts'
import type { CommandDeps } from '../../commands/command-deps.ts'
import type { Logger } from '../../logger.ts'
import { defaultApiBucket } from '../../rate-limit/charge-api-key.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import type { Connection } from '../../store/database.ts'
import type { ChangeNotification } from '../../store/event/notify.ts'
import type { LimitSettingsCache } from '../../tiktok-policy/limit-settings.ts'
import { createEventStream } from '../events/event-stream.ts'
import { acceptsHtml, serveAsset, serveGraphiql } from '../graphiql/route.ts'
import { createAuthenticator } from './authenticate.ts'
import { createChargeRequest } from './charge-request.ts'
import { type Readiness, sendAlive, sendReadiness } from './health-route.ts'
import { createHostGuard, type HostGuard } from './host-guard.ts'
import { createKeyWatch } from './key-watch.ts'
import { createMediaRoute, type MediaSource } from './media-route.ts'
import { badRequest, notFound, problemOf, rejectConnection, sendProblem, tooManyHeaders } from './problem.ts'
import { pathOf } from './request-path.ts'
import { defaultSocketLimits, type SocketLimits, serveSockets } from './socket.ts'
import { createGraphQL } from './yoga.ts'

/** A page of another room's, at exactly this path. By which method and for whom is its own to decide. */
export interface Route {
  readonly path: string
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>
}

export interface ApiOptions {
  /** Under the role `reelpilot_api`. */
  readonly connection: Connection
  /** For the one connection that listens for hints. */
  readonly databaseUrl: string
  readonly deps: CommandDeps
  /** Makes the ways to the authorize page. */
  readonly authorization: AuthorizationStarter
  readonly notifications: { send(change: ChangeNotification): void }
  readonly storage: MediaSource
  /** Those of an organization's accounts whose tokens are sealed under a key that is not here: this role cannot see it. */
  readonly accountsLackingKey: (
    organizationId: string,
    accountIds: readonly string[],
  ) => Promise<ReadonlySet<string>>
  /** Keeps the keys' buckets, and knows the windows of the calls to TikTok. */
  readonly limiter: Limiter
  readonly limitSettings: LimitSettingsCache
  /** What a key may ask for; a thousand points at once and fifty a second unless told. */
  readonly apiBucket?: Bucket
  readonly log: Logger
  readonly ready: () => Promise<Readiness>
  /** Where the API is reached from outside, such as `https://reels.example`; without it, the `Host` of each request. */
  readonly publicUrl?: string
  readonly routes?: readonly Route[]
  /** How long an idempotency key is remembered. */
  readonly idempotencyMinutes?: number
  readonly socketLimits?: SocketLimits
  /** Serves here, in place of what answered before. One of its own, to be told where to listen, unless given. */
  readonly server?: Server
  /** The host that this server listens at. */
  readonly host?: string
}

export interface Api {
  /** The GraphQL endpoint without a port. */
  fetch(request: Request): Promise<Response>
  /** Answers the address, such as `http://127.0.0.1:4000`. */
  listen(port: number, host: string): Promise<string>
  /** Ends what is followed, lets requests under way finish, and stops. */
  close(): Promise<void>
}

const drainMs = 5_000

/** On everything that leaves: nobody frames it, guesses at its type or is told where its reader came from. Pages say more. */
const securityHeaders = [
  ['content-security-policy', "default-src 'none'; frame-ancestors 'none'"],
  ['x-frame-options', 'DENY'],
  ['referrer-policy', 'no-referrer'],
  ['x-content-type-options', 'nosniff'],
] as const

/**
 * The API: GraphQL over HTTP, SSE and WebSocket at `/graphql`, videos at `/media`, health at `/livez` and `/readyz`, and the
 * given routes.
 */
export async function createApi(options: ApiOptions): Promise<Api> {
  const { connection, databaseUrl, limiter, apiBucket = defaultApiBucket, log, ready } = options
  const onError = (error: unknown) => log.warn({ err: error }, 'api')
  const authenticator = createAuthenticator(connection.db, onError)
  const keys = createKeyWatch({ db: connection.db, onError })
  const eventStream = await createEventStream({ db: connection.db, databaseUrl, keys, onError })
  const chargeRequest = createChargeRequest({ limiter, bucket: apiBucket, log })
  const graphql = createGraphQL({
    ...options,
    db: connection.db,
    eventStream,
    authenticator,
    keys,
    chargeRequest,
    apiBucket,
    idempotencyMinutes: options.idempotencyMinutes ?? 60,
    publicUrl: options.publicUrl?.replace(/\/+$/, ''), // Paths are appended to it.
  })
  const serveMedia = createMediaRoute({ db: connection.db, storage: options.storage, authenticator, keys })
  const routes = new Map(options.routes?.map((each) => [each.path, each]))
  let draining = false

  let refusedHost: HostGuard = createHostGuard(options.publicUrl, options.host ?? '127.0.0.1')

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of securityHeaders) response.setHeader(name, value)
    const pathname = pathOf(request)
    if (pathname === null) return sendProblem(response, badRequest)
    // Whoever probes has an address of its own for us. There is nothing to be learnt.
    if (pathname === '/livez') return sendAlive(response)
    if (pathname === '/readyz') return await sendReadiness(response, draining, ready, limiter.health())
    const refused = refusedHost(request)
    if (refused) return sendProblem(response, refused)
    if (pathname.startsWith('/media/')) return await serveMedia(request, response, pathname.slice(7))
    const found = routes.get(pathname)
    if (found) return await found.handle(request, response)
    if (pathname === '/') return void response.writeHead(302, { location: '/graphql' }).end()
    if (pathname.startsWith('/graphiql/')) return await serveAsset(request, response, pathname.slice(10))
    if (pathname !== '/graphql') return sendProblem(response, notFound)
    if (acceptsHtml(request)) return await serveGraphiql(request, response)
    await graphql(request, response)
  }
  const { server = createServer() } = options
  server.removeAllListeners('request').on('request', (request, response) => {
    route(request, response).catch((error) => {
      const requestId = randomUUID()
      sendProblem(response, problemOf(error, log, requestId), requestId)
    })
  })
  // Bytes that are no request; Node would answer them with an empty body.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
    rejectConnection(socket, error.code === 'HPE_HEADER_OVERFLOW' ? tooManyHeaders : badRequest),
  )
  const limits = options.socketLimits ?? defaultSocketLimits
  const sockets = serveSockets(server, {
    graphql,
    authenticator,
    keys,
    chargeRequest,
    limits,
    log,
    refusedHost: (request) => refusedHost(request),
  })

  return {
    fetch: async (request) => await graphql.fetch(request),
    async listen(port, host) {
      refusedHost = createHostGuard(options.publicUrl, host)
      server.listen(port, host)
      await once(server, 'listening')
      const address = server.address()
      if (typeof address !== 'object' || address === null) throw new Error('the server has no address')
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
      return `http://${name}:${address.port}`
    },
    async close() {
      draining = true
      const closed = server.listening ? once(server, 'close') : Promise.resolve()
      server.close()
      keys.close()
      await eventStream.close() // Streams end by themselves once there is nothing to follow.
      await sockets.close()
      server.closeIdleConnections()
      const abandon = setTimeout(() => server.closeAllConnections(), drainMs)
      await closed
      clearTimeout(abandon)
      await graphql.dispose()
    },
  }
}
