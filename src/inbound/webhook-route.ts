import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { CommandDeps } from '../commands/command-deps.ts'
import { storeWebhook } from '../commands/webhook/store-webhook.ts'
import type { Logger } from '../logger.ts'
import { parseWebhook, webhookDeduplicationKey } from '../providers/tiktok/webhook/webhook.ts'
import { verifyWebhook } from '../providers/tiktok/webhook/webhook-signature.ts'
import type { Secret } from '../secret.ts'
import { type Db, readDatabaseTime } from '../store/database.ts'
import { webhookEventOf } from './webhook-event.ts'

export interface WebhookOptions {
  readonly db: Db
  readonly deps: Pick<CommandDeps, 'boss'>
  readonly clientKey: string
  readonly clientSecret: Secret
  readonly log: Logger
}

/** TikTok's webhooks have some hundred bytes. */
const maxBodyBytes = 64_000
/** How old a signature may be. A replay within this time is rejected by its deduplication key. */
const toleranceSeconds = 300

/**
 * Receives TikTok's webhooks: checks size, signature over the raw bytes, age and content, stores the event and answers at
 * once. A signed webhook that does not concern this app is answered 200 too, since TikTok would repeat it for three days.
 */
export function createWebhookRoute({ db, deps, clientKey, clientSecret, log }: WebhookOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST') return answer(response, 405, 'METHOD_NOT_ALLOWED', { allow: 'POST' })
    const body = await readBody(request)
    if (!body) return answer(response, 413, 'REQUEST_ENTITY_TOO_LARGE', { connection: 'close' })

    const now = await readDatabaseTime(db)
    const header = request.headers['tiktok-signature']
    const verified = verifyWebhook({
      header: typeof header === 'string' ? header : undefined,
      body,
      secret: clientSecret,
      nowSeconds: Math.floor(now / 1_000),
      toleranceSeconds,
    })
    if (verified.kind === 'refused') {
      log.warn({ reason: verified.reason }, 'webhook refused')
      return answer(response, 401, 'SIGNATURE_REFUSED')
    }
    const webhook = parseWebhook(body)
    if (webhook.kind === 'malformed' || webhook.kind === 'ignored' || webhook.clientKey !== clientKey) {
      log.info({ kind: webhook.kind, ...('event' in webhook && { event: webhook.event }) }, 'webhook ignored')
      return answer(response, 200)
    }
    const signedAt = new Date(verified.signedAtSeconds * 1_000)
    const delivery = {
      key: webhookDeduplicationKey(webhook),
      event: webhook.kind,
      signedAt,
      content: webhookEventOf(webhook),
    }
    const isNew = await db.transaction().execute((tx) => storeWebhook(tx, deps, delivery))
    log.debug({ event: webhook.kind, isNew }, 'webhook stored')
    return answer(response, 200)
  }
}

/** TikTok reads only the status; the body helps people. Errors are thrown to the server, whose 5xx makes TikTok repeat the delivery. */
function answer(
  response: ServerResponse,
  status: number,
  code?: string,
  headers: OutgoingHttpHeaders = {},
): void {
  const body = code
    ? JSON.stringify({ errors: [{ message: 'The webhook was refused.', extensions: { code } }] })
    : ''
  response.writeHead(status, {
    ...(code && { 'content-type': 'application/json; charset=utf-8' }),
    'content-length': body.length,
    ...headers,
  })
  response.end(body)
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > maxBodyBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}
