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
import type { Signer } from '../../vault/signer.ts'
import { createDocumentIds } from '../compiled/document-ids.ts'
import { createFastLane } from '../compiled/fast-lane.ts'
import { createKnownDocuments } from '../compiled/known-documents.ts'
import { type TrustedDocuments, trustDocuments } from '../compiled/trusted-documents.ts'
import { createEventStream } from '../events/event-stream.ts'
import { acceptsHtml, serveAsset, serveGraphiql } from '../graphiql/route.ts'
import { schema } from '../schema/schema.ts'
import { createAuthenticator } from './authenticate.ts'
import { createChargeRequest } from './charge-request.ts'
import type { Viewer } from './context.ts'
import { type Readiness, sendAlive, sendReadiness } from './health-route.ts'
import { createHostGuard, type HostGuard } from './host-guard.ts'
import { createKeyWatch } from './key-watch.ts'
import { createMediaRoute, type MediaSource } from './media-route.ts'
import { badRequest, notFound, problemOf, rejectConnection, sendProblem, tooManyHeaders } from './problem.ts'
import { pathOf } from './request-path.ts'
import { createSharedLookups } from './shared-lookups.ts'
import { defaultSocketLimits, type SocketLimits, serveSockets } from './socket.ts'
import { createGraphQL } from './yoga.ts'

/** An additional page. It checks the method, and authenticates if it has to. */
export interface Route {
  readonly path: string
  /** Whether it also serves the paths below. Default: exactly this path. */
  readonly isPrefix?: boolean
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    /** Checks an `Authorization` header. Null without a valid API key. */
    authenticate: (authorization: string | undefined) => Promise<Viewer | null>,
  ): Promise<void>
}

export interface ApiOptions {
  /** Connected as the role `reelpilot_api`. */
  readonly connection: Connection
  /** For the connection that listens for change notifications. */
  readonly databaseUrl: string
  readonly deps: CommandDeps
  /** Creates TikTok authorize URLs. */
  readonly authorization: AuthorizationStarter
  readonly notifications: { send(change: ChangeNotification): void }
  readonly storage: MediaSource
  /** Signs what clients may read and upload. */
  readonly signer: Signer
  /** Returns accounts whose tokens are encrypted with a missing key. The role `reelpilot_api` cannot read that itself. */
  readonly accountsLackingKey: (
    organizationId: string,
    accountIds: readonly string[],
  ) => Promise<ReadonlySet<string>>
  /** Holds the buckets of the API keys and the windows of TikTok calls. */
  readonly limiter: Limiter
  readonly limitSettings: LimitSettingsCache
  /** The budget of each API key. Default: 1,000 points, refilled by 50 a second. */
  readonly apiBucket?: Bucket
  readonly log: Logger
  readonly checkReadiness: () => Promise<Readiness>
  /** The public address, such as `https://reels.example`. Default: the origin of each request. */
  readonly publicUrl?: string
  readonly routes?: readonly Route[]
  /** Documents that clients may name by their ids. Default: none. `createApi` throws `InvalidTrustedDocuments` for an invalid one. */
  readonly trustedDocuments?: TrustedDocuments
  /** How long an idempotency key is stored. Default: 60. */
  readonly idempotencyMinutes?: number
  readonly socketLimits?: SocketLimits
  /** A listening server whose request handlers are replaced. Default: a new one, for `listen`. */
  readonly server?: Server
  /** The host that `server` listens on. Default: 127.0.0.1. */
  readonly host?: string
}

export interface Api {
  /** Handles a request to the GraphQL endpoint without a socket. */
  fetch(request: Request): Promise<Response>
  /** Returns the address, such as `http://127.0.0.1:4000`. */
  listen(port: number, host: string): Promise<string>
  /** Ends subscriptions, lets requests in progress finish, and stops. */
  close(): Promise<void>
}

/** How long requests in progress may take to finish when the API closes. */
const maxDrainMs = 5_000

/** Sent with every response: no framing, no content sniffing, no referrer. Pages replace the content security policy. */
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
  const { connection, databaseUrl, limiter, apiBucket = defaultApiBucket, log, checkReadiness } = options
  const onError = (error: unknown) => log.warn({ err: error }, 'a background task failed')
  const keys = createKeyWatch({
    db: connection.db,
    onError: (error) => {
      authenticator.forgetKeys()
      onError(error)
    },
  })
  const authenticator = createAuthenticator(connection.db, keys, onError)
  const onConnectionLost = () => authenticator.forgetKeys()
  connection.pool.on('error', onConnectionLost)
  const eventStream = await createEventStream({ db: connection.db, databaseUrl, keys, onError })
  const chargeRequest = createChargeRequest({ limiter, bucket: apiBucket, log })
  const trusted = options.trustedDocuments ?? new Map()
  const served = {
    ...options,
    db: connection.db,
    lookUpFor: createSharedLookups(connection.db),
    eventStream,
    authenticator,
    keys,
    chargeRequest,
    documents: createKnownDocuments(schema),
    documentIds: createDocumentIds(trusted),
    apiBucket,
    idempotencyMinutes: options.idempotencyMinutes ?? 60,
    publicUrl: options.publicUrl?.replace(/\/+$/, ''), // Paths are appended to it.
  }
  const graphql = createGraphQL(served)
  trustDocuments(trusted, graphql, served.documents)
  const serveGraphql = createFastLane({ ...served, schema, general: graphql })
  const serveMedia = createMediaRoute({
    db: connection.db,
    storage: options.storage,
    authenticator,
    keys,
    signer: options.signer,
  })
  const routes = new Map(options.routes?.map((each) => [each.path, each]))
  const prefixes = options.routes?.filter(({ isPrefix }) => isPrefix) ?? []
  let isDraining = false
  let checkHost: HostGuard = createHostGuard(options.publicUrl, options.host ?? '127.0.0.1')

  const route = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    for (const [name, value] of securityHeaders) response.setHeader(name, value)
    const pathname = pathOf(request)
    if (pathname === null) return sendProblem(response, badRequest)
    // Health checks may use any host: orchestrators probe by addresses of their own.
    if (pathname === '/livez') return sendAlive(response)
    if (pathname === '/readyz')
      return await sendReadiness(response, isDraining, checkReadiness, limiter.health())
    const wrongHost = checkHost(request)
    if (wrongHost) return sendProblem(response, wrongHost)
    if (pathname.startsWith('/media/')) return await serveMedia(request, response, pathname.slice(7))
    const page = routes.get(pathname) ?? prefixes.find(({ path }) => pathname.startsWith(`${path}/`))
    if (page) return await page.handle(request, response, authenticator.authenticate)
    if (pathname === '/') return void response.writeHead(302, { location: '/graphql' }).end()
    if (pathname.startsWith('/graphiql/')) return await serveAsset(request, response, pathname.slice(10))
    if (pathname !== '/graphql') return sendProblem(response, notFound)
    if (acceptsHtml(request)) return await serveGraphiql(request, response)
    await serveGraphql(request, response)
  }
  const { server = createServer() } = options
  server.removeAllListeners('request').on('request', (request, response) => {
    route(request, response).catch((error) => {
      const requestId = randomUUID()
      sendProblem(response, problemOf(error, log, requestId), requestId)
    })
  })
  // Node would answer a malformed request with an empty body.
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
    checkHost: (request) => checkHost(request),
  })

  return {
    fetch: async (request) => await graphql.fetch(request),
    async listen(port, host) {
      checkHost = createHostGuard(options.publicUrl, host)
      server.listen(port, host)
      await once(server, 'listening')
      const address = server.address()
      if (typeof address !== 'object' || address === null) throw new Error('the server has no address')
      const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
      return `http://${name}:${address.port}`
    },
    async close() {
      isDraining = true
      const closed = server.listening ? once(server, 'close') : Promise.resolve()
      server.close()
      connection.pool.off('error', onConnectionLost)
      authenticator.close()
      keys.close()
      await eventStream.close() // Ends the HTTP streams of subscriptions.
      await sockets.close()
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), maxDrainMs)
      await closed
      clearTimeout(timer)
      await graphql.dispose()
    },
  }
}
