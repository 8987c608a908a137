import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import type { CommandDeps } from '../commands/command-deps.ts'
import { storeWebhook } from '../commands/webhook/store-webhook.ts'
import type { Logger } from '../logger.ts'
import { parseWebhook, webhookDeduplicationKey } from '../providers/tiktok/webhook/webhook.ts'
import { verifyWebhook } from '../providers/tiktok/webhook/webhook-signature.ts'
import type { Secret } from '../secret.ts'
import type { Db } from '../store/database.ts'
import { readDatabaseTime } from '../store/database-time.ts'
import { webhookEventOf } from './webhook-event.ts'

export interface WebhookOptions {
  readonly db: Db
  readonly deps: Pick<CommandDeps, 'boss'>
  readonly clientKey: string
  readonly clientSecret: Secret
  readonly log: Logger
}

/** TikTok's news are some hundred bytes. */
const mostBytes = 64_000
/** How old a signature may be. A replay within that time is kept out by its key. */
const toleranceSeconds = 300

/**
 * Takes TikTok's webhooks: size, signature over the raw bytes, age, then the content; keeps the news and answers at once.
 * Whatever is signed and makes no sense to us is answered 200 as well: TikTok would only repeat it for three days.
 */
export function createWebhookRoute({ db, deps, clientKey, clientSecret, log }: WebhookOptions) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'POST') return answer(response, 405, 'METHOD_NOT_ALLOWED', { allow: 'POST' })
    const body = await readWhole(request)
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
      log.warn({ reason: verified.reason }, 'a webhook was refused')
      return answer(response, 401, 'SIGNATURE_REFUSED')
    }
    const told = parseWebhook(body)
    if (told.kind === 'malformed' || told.kind === 'ignored' || told.clientKey !== clientKey) {
      log.info(
        { kind: told.kind, ...('event' in told && { event: told.event }) },
        'a webhook says nothing to us',
      )
      return answer(response, 200)
    }
    const signedAt = new Date(verified.signedAtSeconds * 1_000)
    const delivery = {
      key: webhookDeduplicationKey(told),
      event: told.kind,
      signedAt,
      news: webhookEventOf(told),
    }
    const isNew = await db.transaction().execute((tx) => storeWebhook(tx, deps, delivery))
    log.debug({ event: told.kind, isNew }, 'webhook')
    return answer(response, 200)
  }
}

/** TikTok reads the status only; the body is for whoever looks why. What is thrown is the server's to answer, so that TikTok comes back. */
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

async function readWhole(request: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let bytes = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length
    if (bytes > mostBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts)
}
