import { avatar } from '../console/avatar.ts'
import { consolePage } from '../console/console.ts'
import { pageFile } from '../console/layout.ts'
import type { SimulatorContext } from '../context.ts'
import { count } from '../counters.ts'
import { mediaPath } from '../dependencies.ts'
import { drain, parseJsonObject } from '../http/body.ts'
import type { Call } from '../http/call.ts'
import type { Reply } from '../http/reply.ts'
import type { LocalTikTok } from '../simulator.ts'
import { controlHandlers } from './control-handlers.ts'

/**
 * `/__local/…`: the console page, and the control API for other processes. Reads use GET; changes take JSON and answer with
 * the result.
 */
export async function control(context: SimulatorContext, local: LocalTikTok, call: Call): Promise<Reply> {
  const { request, url } = call
  if (isCrossOrigin(call))
    return { status: 403, json: { error: 'requests from pages of another origin are refused' } }

  const [name = '', ...rest] = url.pathname.slice('/__local/'.length).split('/')
  if (request.method === 'GET' && name === '') return consolePage(local, context.now())
  if (name === 'page') return pageFile(rest[0])
  if (name === 'avatar') return avatar(rest[0] ?? '')
  if (name === 'media') return serveMedia(context, rest, request.headers.range)
  if (name === 'elsewhere') {
    await drain(request)
    count(context, 'redirectsFollowed')
    return { status: 200, json: { error: 'a redirect was followed' } }
  }

  const handle = controlHandlers(local)[`${request.method} ${[name, ...rest].join('/')}`]
  if (!handle) return { status: 404, json: { error: 'the control API has no such request' } }
  const body = parseJsonObject(await call.text())
  try {
    return { status: 200, json: (await handle(body)) ?? {} }
  } catch (error) {
    if (error instanceof RangeError) return { status: 400, json: { error: error.message } }
    throw error
  }
}

/** A web page of another origin must not control a simulator on this machine. */
function isCrossOrigin({ request: { headers } }: Call): boolean {
  const { origin } = headers
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== headers.host)
}

/** `/__local/media/<publish id>`, or `/__local/media/<publish id>/<index>` for photos: the received bytes. */
function serveMedia(
  context: SimulatorContext,
  [encodedId = '', photo]: readonly string[],
  range: string | undefined,
): Reply {
  const publish = context.recordStore.get('publish', decodeURIComponent(encodedId))
  const isPhoto = publish?.media === 'photo'
  const index = isPhoto ? Number(photo) : undefined
  const exists = index === undefined || (publish?.pull?.urls[index] !== undefined && index >= 0)
  if (!publish?.sha256 || !exists) return { status: 404, json: { error: 'no such media' } }
  const path = mediaPath(context, publish.publishId, index)
  return { status: 200, file: { path, type: isPhoto ? 'image/jpeg' : 'video/mp4', range } }
}
