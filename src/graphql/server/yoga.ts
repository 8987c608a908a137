import { randomUUID } from 'node:crypto'
import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import { type DocumentNode, validate } from 'graphql'
import { createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga'
import type { AuthorizationStarter } from '../../commands/account/connect-account.ts'
import type { CommandDeps } from '../../commands/command-deps.ts'
import type { Logger } from '../../logger.ts'
import type { Limiter } from '../../rate-limit/limiter.ts'
import type { Bucket } from '../../rate-limit/token-bucket.ts'
import type { Db } from '../../store/database.ts'
import type { ChangeNotification } from '../../store/event/notify.ts'
import { runOrganizationCommand } from '../../store/run-command.ts'
import type { LimitSettingsCache } from '../../tiktok-policy/limit-settings.ts'
import type { EventStream } from '../events/event-stream.ts'
import { executeMutation } from '../mutation/execute-mutation.ts'
import { keyOfHeader } from '../mutation/idempotency-key.ts'
import { createKeyedMutex } from '../mutation/keyed-mutex.ts'
import { requestError } from '../schema/error.ts'
import { schema } from '../schema/schema.ts'
import type { Authenticator } from './authenticate.ts'
import { type ChargedRequest, type ChargeRequest, chargeHeaders } from './charge-request.ts'
import type { Context } from './context.ts'
import { costLimitRule, costOf, minCost } from './cost.ts'
import { checkParams } from './json-input.ts'
import type { KeyWatch } from './key-watch.ts'
import { createLoaders } from './loaders.ts'
import { addRequestId, maskError } from './mask.ts'
import { nodeLimitRule } from './node-limit.ts'
import { problemOf, unauthenticated } from './problem.ts'
import { problemResponse, withJsonBody } from './problem-response.ts'
import { shareReads } from './shared-read.ts'
import { subscriptionPlugin } from './stream.ts'

export interface YogaOptions {
  readonly db: Db
  readonly deps: CommandDeps
  readonly authorization: AuthorizationStarter
  readonly notifications: { send(change: ChangeNotification): void }
  readonly eventStream: EventStream
  readonly accountsLackingKey: (
    organizationId: string,
    accountIds: readonly string[],
  ) => Promise<ReadonlySet<string>>
  readonly authenticator: Authenticator
  readonly keys: KeyWatch
  readonly chargeRequest: ChargeRequest
  readonly limiter: Limiter
  readonly limitSettings: LimitSettingsCache
  readonly apiBucket: Bucket
  readonly log: Logger
  readonly idempotencyMinutes: number
  /** Where the API is reached; if undefined, each request's own word for it is taken. */
  readonly publicUrl: string | undefined
}

/** What is known of a request before its operation is read. */
export interface RequestFacts extends ChargedRequest {
  readonly origin: string
  readonly idempotencyKey: string | null
  /** Once it was found valid. */
  document?: DocumentNode
  /** For the answer; null over WebSocket, where answers have none. */
  readonly responseHeaders: Map<string, string> | null
}

/** A storyboard may have some kilobytes, and a request some hundred of them. */
const maxBodyBytes = 1_000_000

/** Nothing on the way may keep events back until there are more: nginx does unless told, and what compresses does too. */
const streamHeaders = [
  ['x-accel-buffering', 'no'],
  ['cache-control', 'no-cache, no-transform'],
] as const

/** How long a mutation waits for others under its idempotency key, before it is answered that they are at it. */
const maxKeyWaitMs = 10_000

/** What scripts of other origins may read of an answer. */
const exposedHeaders = [
  'x-request-id',
  'idempotent-replayed',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
]

/** The GraphQL server: who may ask, how much, and what leaves of its errors. */
export function createGraphQL(options: YogaOptions) {
  const { authenticator, chargeRequest, log } = options
  const known = new WeakMap<Request, RequestFacts>()
  const factsOf = (initial: Partial<YogaInitialContext> & { readonly facts?: RequestFacts }) =>
    initial.facts ?? (initial.request && known.get(initial.request))

  /**
   * Nobody unknown gets as far as the parser, let alone the schema. That is all that is needed against forged requests too: browsers
   * add no `Authorization: Bearer` by themselves, and let no other site's script add one before we were asked.
   */
  const frontDoor: Plugin = {
    async onRequest({ request, url, endResponse }) {
      if (request.method === 'OPTIONS' || url.pathname !== '/graphql') return
      const requestId = randomUUID()
      const found = await authenticator.authenticate(request.headers.get('authorization')).then(
        (viewer) => ({ viewer }),
        (error: unknown) => ({ error }),
      )
      // Thrown, it would be answered by the server's library, with the stack.
      if ('error' in found)
        return endResponse(problemResponse(problemOf(found.error, log, requestId), requestId))
      const { viewer } = found
      if (viewer) {
        const idempotencyKey = keyOfHeader(request.headers.get('idempotency-key'))
        const responseHeaders = new Map<string, string>()
        known.set(request, { requestId, viewer, origin: url.origin, idempotencyKey, responseHeaders })
        return
      }
      endResponse(problemResponse(unauthenticated, requestId))
    },
    onParams({ params, setResult }) {
      try {
        checkParams(params)
      } catch (error) {
        setResult({ errors: [maskError(error)] })
      }
    },
    async onResponse({ request, response: given, setResponse }) {
      const response = withJsonBody(given)
      if (response !== given) setResponse(response)
      if (response.headers.get('content-type')?.startsWith('text/event-stream'))
        for (const [name, value] of streamHeaders) response.headers.set(name, value)
      const facts = known.get(request)
      if (!facts) return
      // Refused before it was a document. That it be paid changes nothing of the answer.
      if (facts.charge === undefined) await chargeRequest(facts, minCost)
      for (const [name, value] of facts.charge ? chargeHeaders(facts.charge) : [])
        response.headers.set(name, value)
      response.headers.set('x-request-id', facts.requestId)
      for (const [name, value] of facts.responseHeaders ?? []) response.headers.set(name, value)
    },
    async onExecutionResult({ request, result, setResult }) {
      const facts = known.get(request)
      if (!facts || !result || Symbol.asyncIterator in result) return
      // Refused by the parser or a rule.
      const unpaid = facts.charge === undefined ? await chargeRequest(facts, minCost) : null
      setResult(addRequestId(unpaid ? { errors: [unpaid] } : result, facts.requestId, log))
    },
  }

  const fewErrors: Plugin = {
    onValidate({ addValidationRule, setValidationFn }) {
      addValidationRule(nodeLimitRule)
      addValidationRule(costLimitRule)
      setValidationFn((schema, document, rules) => validate(schema, document, rules, { maxErrors: 5 }))
    },
  }

  /** What is about to be executed is known by its document. */
  const noted: Plugin<{ facts?: RequestFacts }> = {
    onValidate:
      ({ context, params }) =>
      ({ valid }) => {
        const facts = valid && factsOf(context)
        if (facts) facts.document = params.documentAST
      },
  }

  const line = createKeyedMutex(maxKeyWaitMs)
  const mutations: Plugin = {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn((request) => executeMutation(executeFn, line, request))
    },
  }

  return createYoga<{ facts?: RequestFacts }, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    multipart: false,
    batching: false,
    maxRequestBodySize: maxBodyBytes,
    // Keys travel in a header that no browser adds by itself, so other origins may ask; cookies are never looked at.
    cors: { origin: '*', credentials: false, exposedHeaders: [...exposedHeaders] },
    graphiql: false,
    logging: false,
    maskedErrors: { maskError },
    async context(initial) {
      const facts = factsOf(initial)
      if (!facts) throw requestError('UNAUTHENTICATED', 'Sign in with an API key.')
      const { document } = facts
      const points = document ? costOf(schema, document, initial.params.variables ?? {}) : minCost
      const unpaid = await chargeRequest(facts, points)
      if (unpaid) throw unpaid
      return createContext(options, facts)
    },
    plugins: [
      frontDoor,
      EnvelopArmorPlugin({
        maxTokens: { n: 1_000 },
        maxDepth: { n: 16 },
        maxAliases: { n: 15, allowList: [] },
        maxDirectives: { n: 8 },
        costLimit: { enabled: false }, // Ours counts what is read.
      }),
      fewErrors,
      noted,
      mutations,
      subscriptionPlugin(options.keys, log),
    ],
  })
}

function createContext(options: YogaOptions, facts: RequestFacts): Context {
  const { db, deps, authorization, notifications, eventStream, idempotencyMinutes, publicUrl } = options
  const { limiter, limitSettings, apiBucket } = options
  const { viewer, requestId, idempotencyKey, charge = null } = facts
  const { organizationId } = viewer
  const transact: Context['transact'] = (work) =>
    runOrganizationCommand(db, organizationId, notifications, work)
  const read = shareReads(transact)
  const accountsLackingKey = (accountIds: readonly string[]) =>
    options.accountsLackingKey(organizationId, accountIds)
  return {
    viewer,
    requestId,
    origin: publicUrl ?? facts.origin,
    idempotencyKey,
    idempotencyMinutes,
    mutation: null,
    limiter,
    apiBucket,
    charge,
    deps,
    authorization,
    eventStream,
    read,
    transact,
    accountsLackingKey,
    load: createLoaders(organizationId, read, accountsLackingKey),
    // A mutation may have set a rate limit.
    invalidateSettings: () => limitSettings.invalidate(organizationId),
    responseHeaders: facts.responseHeaders,
  }
}
