import { randomUUID } from 'node:crypto'
import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention'
import { renderGraphiQL } from '@graphql-yoga/render-graphiql'
import { validate } from 'graphql'
import { createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga'
import type { AuthorizationStarter } from '../commands/connect-account.ts'
import type { CommandDeps } from '../commands/deps.ts'
import { type Db, inOrganization } from '../store/database.ts'
import type { Hint } from '../store/hint.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Authenticator } from './authenticate.ts'
import type { Context, Viewer } from './context.ts'
import { requestError } from './error.ts'
import { graphiqlOptions } from './graphiql.ts'
import type { Hub } from './hub.ts'
import { createLoaders } from './loaders.ts'
import { maskError, stamp } from './mask.ts'
import { nodeLimitRule } from './node-limit.ts'
import { schema } from './schema.ts'
import { shareReads } from './shared-read.ts'

export interface YogaOptions {
  readonly db: Db
  readonly deps: CommandDeps
  readonly authorization: AuthorizationStarter
  readonly hints: { send(hint: Hint): void }
  readonly hub: Hub
  readonly authenticator: Authenticator
  readonly log: Logger
  readonly idempotencyMinutes: number
  readonly graphiqlKey: string | undefined
  /** Where the API is reached; if undefined, each request's own word for it is taken. */
  readonly publicUrl: string | undefined
}

/** What is known of a request before its operation is read. */
export interface RequestFacts {
  readonly requestId: string
  readonly viewer: Viewer
  readonly origin: string
  readonly idempotencyKey: string | null
  replayed?: boolean
}

/** A storyboard may have some kilobytes, and a request some hundred of them. */
const mostBodyBytes = 1_000_000

/** The GraphQL server: who may ask, how much, and what leaves of its errors. */
export function createGraphQL(options: YogaOptions) {
  const { authenticator, log } = options
  const known = new WeakMap<Request, RequestFacts>()

  /** Nobody unknown gets as far as the parser, let alone the schema. */
  const frontDoor: Plugin = {
    async onRequest({ request, url, fetchAPI, endResponse }) {
      if (request.method === 'OPTIONS' || url.pathname !== '/graphql' || asksForPage(request)) return
      const requestId = randomUUID()
      const viewer = await authenticator.authenticate(request.headers.get('authorization'))
      if (viewer) {
        const idempotencyKey = unquoted(request.headers.get('idempotency-key'))
        known.set(request, { requestId, viewer, origin: url.origin, idempotencyKey })
        return
      }
      const message = 'Sign in with an API key: `Authorization: Bearer rp_live_…`.'
      const errors = [{ message, extensions: { code: 'UNAUTHENTICATED', requestId } }]
      const headers = { 'www-authenticate': 'Bearer', 'x-request-id': requestId }
      endResponse(fetchAPI.Response.json({ errors }, { status: 401, headers }))
    },
    onResponse({ request, response }) {
      const facts = known.get(request)
      if (!facts) return
      response.headers.set('x-request-id', facts.requestId)
      if (facts.replayed) response.headers.set('idempotent-replayed', 'true')
    },
    onExecutionResult({ request, result, setResult }) {
      const facts = known.get(request)
      if (facts && result && !(Symbol.asyncIterator in result)) setResult(stamp(result, facts.requestId, log))
    },
  }

  const fewErrors: Plugin = {
    onValidate({ addValidationRule, setValidationFn }) {
      addValidationRule(nodeLimitRule)
      setValidationFn((schema, document, rules) => validate(schema, document, rules, { maxErrors: 5 }))
    },
  }

  return createYoga<{ facts?: RequestFacts }, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: mostBodyBytes,
    // Keys travel in a header that no browser adds by itself, so other origins may ask; cookies are never looked at.
    cors: { origin: '*', credentials: false, exposedHeaders: ['x-request-id', 'idempotent-replayed'] },
    graphiql: graphiqlOptions(options.graphiqlKey),
    renderGraphiQL,
    logging: false,
    maskedErrors: { maskError },
    context: (initial) => {
      const facts = initial.facts ?? known.get(initial.request)
      if (!facts) throw requestError('UNAUTHENTICATED', 'Sign in with an API key.')
      return createContext(options, facts)
    },
    plugins: [
      frontDoor,
      useCSRFPrevention({ requestHeaders: ['x-requested-with', 'graphql-require-preflight'] }),
      EnvelopArmorPlugin({
        maxTokens: { n: 1_000 },
        maxDepth: { n: 16 },
        maxAliases: { n: 15, allowList: [] },
        maxDirectives: { n: 8 },
        costLimit: { maxCost: 50_000 },
      }),
      fewErrors,
    ],
  })
}

function createContext(
  { db, deps, authorization, hints, hub, idempotencyMinutes, publicUrl }: YogaOptions,
  facts: RequestFacts,
): Context {
  const { viewer, requestId, idempotencyKey } = facts
  const { organizationId } = viewer
  const transact: Context['transact'] = (work) => inOrganization(db, organizationId, work)
  const read = shareReads(transact)
  return {
    viewer,
    requestId,
    origin: publicUrl ?? facts.origin,
    idempotencyKey,
    idempotencyMinutes,
    deps,
    authorization,
    hub,
    read,
    transact,
    load: createLoaders(organizationId, read),
    announce: (jobs) => hints.send({ organizations: [organizationId], jobs }),
    markReplayed: () => {
      facts.replayed = true
    },
  }
}

function asksForPage({ method, headers }: YogaInitialContext['request']): boolean {
  return method === 'GET' && (headers.get('accept') ?? '').includes('text/html')
}

/** The header is a structured string, `"key"` (draft-ietf-httpapi-idempotency-key-header); bare ones are taken too. */
function unquoted(header: string | null): string | null {
  if (header === null) return null
  return /^"(.*)"$/.exec(header)?.[1] ?? header
}
