import { z } from 'zod'
import { parseExactJson } from '../../src/providers/exact-json.ts'
import type { LocalTikTok } from '../../src/simulator/simulator.ts'
import type { Pair } from './support.ts'

/** The answer to a call without a client: status, code and data, with all digits of the ids. */
export interface RawAnswer {
  readonly status: number
  readonly code: string
  readonly data: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

const envelope = z.object({
  data: z.record(z.string(), z.unknown()).default({}),
  error: z.object({ code: z.string(), log_id: z.string().regex(/^\d{14}[0-9A-F]{20}$/) }),
})

/** Sends JSON with a token, or a GET without a body. */
export async function call(
  { local, token }: Pick<Pair, 'local' | 'token'>,
  path: string,
  body?: unknown,
): Promise<RawAnswer> {
  const response = await fetch(local.url + path, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token.reveal()}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const { data, error } = envelope.parse(parseExactJson(await response.text()))
  return { status: response.status, code: error.code, data, headers: response.headers }
}

export interface OAuthAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}

/** Sends a form to an OAuth endpoint, by default with the app's key and secret. */
export async function oauth(
  { url, app }: Pick<LocalTikTok, 'url' | 'app'>,
  name: 'token' | 'revoke',
  fields: Readonly<Record<string, string>>,
): Promise<OAuthAnswer> {
  const client = { client_key: app.clientKey, client_secret: app.clientSecret }
  const response = await fetch(`${url}/v2/oauth/${name}/`, {
    method: 'POST',
    body: new URLSearchParams({ ...client, ...fields }),
  })
  return { status: response.status, body: z.record(z.string(), z.unknown()).parse(await response.json()) }
}

/** The source of an upload in one chunk. */
export function oneChunk(size: number) {
  return { source: 'FILE_UPLOAD', video_size: size, chunk_size: size, total_chunk_count: 1 }
}

/** Uploads a video of zeros to the URL of an init. */
export async function putWhole(data: RawAnswer['data'], size: number): Promise<Response> {
  return await fetch(String(data.upload_url), {
    method: 'PUT',
    body: new Uint8Array(size),
    headers: { 'content-type': 'video/mp4', 'content-range': `bytes 0-${size - 1}/${size}` },
  })
}

/** Posts a small video. Processing and moderation take the time of the settings. */
export async function postVideo(
  pair: Pick<Pair, 'local' | 'token'>,
  post: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const init = await call(pair, '/v2/post/publish/video/init/', {
    post_info: { privacy_level: 'PUBLIC_TO_EVERYONE', ...post },
    source_info: oneChunk(10),
  })
  await putWhole(init.data, 10)
  return String(init.data.publish_id)
}

/** Uploads a small draft. */
export async function sendDraft(pair: Pick<Pair, 'local' | 'token'>): Promise<string> {
  const init = await call(pair, '/v2/post/publish/inbox/video/init/', { source_info: oneChunk(10) })
  await putWhole(init.data, 10)
  return String(init.data.publish_id)
}

export function statusOf(pair: Pick<Pair, 'local' | 'token'>, publishId: string): Promise<RawAnswer> {
  return call(pair, '/v2/post/publish/status/fetch/', { publish_id: publishId })
}
