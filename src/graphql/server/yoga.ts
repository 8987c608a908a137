import { randomUUID } from 'node:crypto'
import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor'
import { GraphQLError, validate } from 'graphql'
import { createYoga, type Plugin, type YogaInitialContext } from 'graphql-yoga'
import type { Logger } from '../../logger.ts'
import type { DocumentIds } from '../compiled/document-ids.ts'
import type { KnownDocuments } from '../compiled/known-documents.ts'
import type { Params } from '../compiled/params.ts'
import { executeMutation } from '../mutation/execute-mutation.ts'
import { keyOfHeader } from '../mutation/idempotency-key.ts'
import { createKeyedMutex } from '../mutation/keyed-mutex.ts'
import { requestError } from '../schema/error.ts'
import { schema } from '../schema/schema.ts'
import type { Authenticator } from './authenticate.ts'
import { type ChargeRequest, chargeHeaders } from './charge-request.ts'
import type { Context } from './context.ts'
import { costLimitRule, costOf, minCost } from './cost.ts'
import { type ContextOptions, createContext, type RequestFacts } from './create-context.ts'
import { checkParams } from './json-input.ts'
import type { KeyWatch } from './key-watch.ts'
import { addRequestId, maskError } from './mask.ts'
import { nodeLimitRule } from './node-limit.ts'
import { problemOf, unauthenticated } from './problem.ts'
import { problemResponse, withJsonBody } from './problem-response.ts'
import { subscriptionPlugin } from './stream.ts'

export interface YogaOptions extends ContextOptions {
  readonly authenticator: Authenticator
  readonly keys: KeyWatch
  readonly documents: KnownDocuments
  readonly documentIds: DocumentIds
  readonly chargeRequest: ChargeRequest
  readonly log: Logger
}

/** Enough for 400 slots with storyboards of some kilobytes each. */
const maxBodyBytes = 1_000_000

/** Keeps proxies from buffering an event stream: nginx does by default, and so does compression. */
const streamHeaders = [
  ['x-accel-buffering', 'no'],
  ['cache-control', 'no-cache, no-transform'],
] as const

/** How long a mutation waits for earlier ones with the same idempotency key before `IdempotencyInProgressError`. */
const maxKeyWaitMs = 10_000

/** The response headers that scripts of other origins may read. */
const exposedHeaders = [
  'x-request-id',
  'idempotent-replayed',
  'ratelimit-limit',
  'ratelimit-remaining',
  'ratelimit-reset',
  'retry-after',
]

/** The GraphQL server: authenticates and charges requests, executes operations and masks errors. */
export function createGraphQL(options: YogaOptions) {
  const { authenticator, chargeRequest, documents, documentIds, log } = options
  const factsByRequest = new WeakMap<Request, RequestFacts>()
  const factsOf = (initial: Partial<YogaInitialContext> & { readonly facts?: RequestFacts }) =>
    initial.facts ?? (initial.request && factsByRequest.get(initial.request))

  /**
   * Authenticates before parsing. This also prevents cross-site request forgery: a browser never adds `Authorization: Bearer`
   * by itself, and lets a script of another origin add it only after a CORS preflight.
   */
  const authentication: Plugin = {
    async onRequest({ request, url, endResponse }) {
      if (request.method === 'OPTIONS' || url.pathname !== '/graphql') return
      const requestId = randomUUID()
      const authenticated = await authenticator.authenticate(request.headers.get('authorization')).then(
        (viewer) => ({ viewer }),
        (error: unknown) => ({ error }),
      )
      // A thrown error would be answered by the HTTP adapter, with its stack.
      if ('error' in authenticated)
        return endResponse(problemResponse(problemOf(authenticated.error, log, requestId), requestId))
      const { viewer } = authenticated
      if (viewer) {
        const idempotencyKey = keyOfHeader(request.headers.get('idempotency-key'))
        const responseHeaders = new Map<string, string>()
        factsByRequest.set(request, {
          requestId,
          viewer,
          origin: url.origin,
          idempotencyKey,
          responseHeaders,
        })
        return
      }
      endResponse(problemResponse(unauthenticated, requestId))
    },
    onParams({ params, setParams, setResult }) {
      try {
        checkParams(params)
      } catch (error) {
        setResult({ errors: [maskError(error)] })
        return
      }
      const text = documentIds.textOf(params as Params)
      if (text instanceof GraphQLError) throw text // A result would be replaced: the request has no query.
      if (text !== undefined && text !== params.query) setParams({ ...params, query: text })
    },
    async onResponse({ request, response: original, setResponse }) {
      const response = withJsonBody(original)
      if (response !== original) setResponse(response)
      if (response.headers.get('content-type')?.startsWith('text/event-stream'))
        for (const [name, value] of streamHeaders) response.headers.set(name, value)
      const facts = factsByRequest.get(request)
      if (!facts) return
      // The request was rejected before it had a document. It costs the minimum; the response stays the same.
      if (facts.charge === undefined) await chargeRequest(facts, minCost)
      for (const [name, value] of facts.charge ? chargeHeaders(facts.charge) : [])
        response.headers.set(name, value)
      response.headers.set('x-request-id', facts.requestId)
      for (const [name, value] of facts.responseHeaders ?? []) response.headers.set(name, value)
    },
    async onExecutionResult({ request, result, setResult }) {
      const facts = factsByRequest.get(request)
      if (!facts || !result || Symbol.asyncIterator in result) return
      // The request was rejected by the parser or a validation rule.
      const unaffordable = facts.charge === undefined ? await chargeRequest(facts, minCost) : null
      if (unaffordable) setResult({ errors: [unaffordable] })
    },
    /** Also of requests that were rejected before they had a document, which have no execution result. */
    onResultProcess({ request, result, setResult }) {
      const facts = factsByRequest.get(request)
      if (!facts || !result || Array.isArray(result) || Symbol.asyncIterator in result) return
      setResult(addRequestId(result, facts.requestId, log))
    },
  }

  const validation: Plugin = {
    onValidate({ addValidationRule, setValidationFn }) {
      addValidationRule(nodeLimitRule)
      addValidationRule(costLimitRule)
      setValidationFn((schema, document, rules) => validate(schema, document, rules, { maxErrors: 5 }))
    },
  }

  /** Records the validated document, by which the request is charged, and remembers it for the next request. */
  const documentRecording: Plugin<YogaInitialContext & { facts?: RequestFacts }> = {
    onValidate:
      ({ context, params }) =>
      ({ valid }) => {
        const facts = valid && factsOf(context)
        if (!facts) return
        facts.document = params.documentAST
        if (typeof context.params?.query === 'string')
          documents.learn(context.params.query, params.documentAST)
      },
  }

  const mutex = createKeyedMutex(maxKeyWaitMs)
  const mutations: Plugin = {
    onExecute({ executeFn, setExecuteFn }) {
      setExecuteFn((request) => executeMutation(executeFn, mutex, request))
    },
  }

  return createYoga<{ facts?: RequestFacts }, Context>({
    schema,
    graphqlEndpoint: '/graphql',
    landingPage: false,
    multipart: false,
    batching: false,
    extraParamNames: ['documentId'],
    maxRequestBodySize: maxBodyBytes,
    // Other origins may send requests: API keys travel in a header that browsers do not add, and cookies are ignored.
    cors: { origin: '*', credentials: false, exposedHeaders: [...exposedHeaders] },
    graphiql: false,
    logging: false,
    maskedErrors: { maskError },
    async context(initial) {
      const facts = factsOf(initial)
      if (!facts) throw requestError('UNAUTHENTICATED', 'Authenticate with an API key.')
      const { document } = facts
      const cost = document ? costOf(schema, document, initial.params.variables ?? {}) : minCost
      const unaffordable = await chargeRequest(facts, cost)
      if (unaffordable) throw unaffordable
      return createContext(options, facts)
    },
    plugins: [
      authentication,
      EnvelopArmorPlugin({
        maxTokens: { n: 1_000 },
        maxDepth: { n: 16 },
        maxAliases: { n: 15, allowList: [] },
        maxDirectives: { n: 8 },
        costLimit: { enabled: false }, // `costLimitRule` replaces it.
      }),
      validation,
      documentRecording,
      mutations,
      subscriptionPlugin(options.keys, log),
    ],
  })
}
