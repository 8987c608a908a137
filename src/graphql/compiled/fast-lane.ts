import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { type GraphQLError, type GraphQLSchema, getVariableValues } from 'graphql'
import type { Logger } from '../../logger.ts'
import { grantedScopes } from '../schema/scope.ts'
import type { Authenticator } from '../server/authenticate.ts'
import { type ChargeRequest, chargeHeaders } from '../server/charge-request.ts'
import type { Viewer } from '../server/context.ts'
import { type ContextOptions, createContext, type RequestFacts } from '../server/create-context.ts'
import { checkParams } from '../server/json-input.ts'
import { addRequestId, maskError } from '../server/mask.ts'
import { problemOf, sendProblem, unauthenticated } from '../server/problem.ts'
import type { DocumentIds } from './document-ids.ts'
import { executePlan } from './execute-plan.ts'
import type { KnownDocuments, KnownQuery } from './known-documents.ts'
import type { Params } from './params.ts'

export interface FastLaneOptions extends ContextOptions {
  readonly schema: GraphQLSchema
  readonly authenticator: Authenticator
  readonly chargeRequest: ChargeRequest
  readonly log: Logger
  readonly documents: Pick<KnownDocuments, 'find'>
  readonly documentIds: DocumentIds
  /** Serves what this lane does not. */
  readonly general: (request: IncomingMessage, response: ServerResponse) => unknown
}

/** Larger requests take the general pipeline, which limits them. */
const maxBodyBytes = 65_536

const parameters: ReadonlySet<string> = new Set([
  'query',
  'variables',
  'operationName',
  'extensions',
  'documentId',
])

/**
 * Serves queries that are known already: authenticates, charges, executes the compiled query and writes its JSON, with the same
 * responses as the general pipeline, whose fetch objects and hooks cost more than GraphQL and Postgres together. Everything else
 * is handed to that pipeline before anything was charged.
 */
export function createFastLane(options: FastLaneOptions) {
  const { schema, authenticator, chargeRequest, log, documents, documentIds, general } = options

  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isPlainPost(request)) return void (await general(request, response))
    const requestId = randomUUID()
    let viewer: Viewer | null
    try {
      viewer = await authenticator.authenticate(request.headers.authorization)
    } catch (error) {
      return sendProblem(response, problemOf(error, log, requestId), requestId)
    }
    if (!viewer) return sendProblem(response, unauthenticated, requestId)
    const body = await readBody(request)
    if (!body) return // The client has left.
    const known = findKnown(body, viewer)
    if (!known) {
      // The stream is consumed; the general pipeline reads the body from here.
      Object.assign(request, { body: Readable.from([body], { objectMode: false }) })
      return void (await general(request, response))
    }
    const facts: RequestFacts = {
      requestId,
      viewer,
      origin: `http://${request.headers.host ?? 'localhost'}`,
      idempotencyKey: null,
      responseHeaders: null,
    }
    const unaffordable = await chargeRequest(facts, known.query.costOf(known.given))
    const { data, errors } = unaffordable
      ? { errors: [unaffordable] }
      : await executePlan(schema, known.query.plan, createContext(options, facts), known.variables)
    const masked = errors && addRequestId({ errors: errors.map(maskError) }, requestId, log).errors
    send(response, facts, data, masked)
  }

  interface Known {
    readonly query: KnownQuery
    /** As they were sent. */
    readonly given: Params
    readonly variables: Params
  }

  /** Null if the general pipeline has to serve the request, for example because it has to refuse it. */
  function findKnown(body: Buffer, { scopes }: Viewer): Known | null {
    const params = parseParams(body)
    if (!params) return null
    const text = documentIds.textOf(params)
    const query = typeof text === 'string' ? documents.find(text) : undefined
    if (!query) return null
    const { operationName = null, variables } = params
    if (operationName !== null && operationName !== query.operationName) return null
    const given = (variables ?? {}) as Params // Checked by parseParams.
    // One of the fields may be forbidden: the schema's authorization answers that.
    const granted = grantedScopes(scopes)
    for (const scope of query.plan.scopes) if (!granted[scope]) return null
    const { coerced } = getVariableValues(schema, query.plan.operation.variableDefinitions ?? [], given)
    return coerced ? { query, given, variables: coerced } : null
  }
}

/** A POST of JSON to the endpoint that accepts JSON, with nothing that changes how it is answered. */
function isPlainPost({ method, url, headers }: IncomingMessage): boolean {
  const length = Number(headers['content-length'])
  return (
    method === 'POST' &&
    url === '/graphql' &&
    (headers['content-type'] === 'application/json' ||
      headers['content-type'] === 'application/json; charset=utf-8') &&
    headers.accept === 'application/json' &&
    length > 0 &&
    length <= maxBodyBytes &&
    headers['content-encoding'] === undefined &&
    headers.origin === undefined
  )
}

/** Null if the client left before it had sent everything. */
function readBody(request: IncomingMessage): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => resolve(chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks)))
    request.on('close', () => resolve(null))
  })
}

function parseParams(body: Buffer): Params | null {
  let params: unknown
  try {
    params = JSON.parse(body.toString())
  } catch {
    return null
  }
  if (!isObject(params)) return null
  for (const name of Object.keys(params)) if (!parameters.has(name)) return null
  const { variables, extensions } = params
  if (variables !== undefined && variables !== null && !isObject(variables)) return null
  if (extensions !== undefined && extensions !== null && !isObject(extensions)) return null
  try {
    checkParams(params)
  } catch {
    return null
  }
  return params
}

function isObject(value: unknown): value is Params {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Statuses and headers come from the extension `http` of the errors, which is not sent. */
function send(
  response: ServerResponse,
  { requestId, charge }: RequestFacts,
  data: unknown,
  errors: readonly GraphQLError[] | undefined,
): void {
  if (response.destroyed) return
  let status = 200
  for (const { extensions } of errors ?? []) {
    const { status: own = 200, headers = {} } = (extensions.http ?? {}) as {
      readonly status?: number
      readonly headers?: Readonly<Record<string, string>>
    }
    status = Math.max(status, own)
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  }
  const json = JSON.stringify({
    ...(errors && { errors: errors.map(withoutHttp) }),
    ...(data !== undefined && { data }),
  })
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.setHeader('content-length', Buffer.byteLength(json))
  for (const [name, value] of charge ? chargeHeaders(charge) : []) response.setHeader(name, value)
  response.setHeader('x-request-id', requestId)
  response.writeHead(status)
  response.end(json)
}

function withoutHttp(error: GraphQLError): object {
  const { extensions = {}, ...rest } = error.toJSON()
  const { http: _, ...sent } = extensions
  return { ...rest, extensions: sent }
}
