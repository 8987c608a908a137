import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { authorize } from './authorize.ts'
import { drain } from './body.ts'
import { creatorInfo } from './creator-info.ts'
import type { Endpoint, FaultEffect } from './fault.ts'
import { page } from './page.ts'
import { type Reply, refuse, refuseOAuth } from './reply.ts'
import { statusFetch } from './status-fetch.ts'
import { token } from './token.ts'
import { upload } from './upload.ts'
import { videoInit } from './video-init.ts'
import { videoList } from './video-list.ts'
import { type Call, count, countRefusal, type Handler, type World } from './world.ts'
import { writeReply } from './write-reply.ts'

interface Route {
  readonly method: string
  readonly endpoint: Endpoint
  readonly handle: Handler
}

// Every path of TikTok's ends in a slash; without it there is nothing.
const routes: Readonly<Record<string, Route | undefined>> = {
  '/v2/auth/authorize/': { method: 'GET', endpoint: 'authorize', handle: authorize },
  '/v2/oauth/token/': { method: 'POST', endpoint: 'token', handle: token },
  '/v2/post/publish/creator_info/query/': { method: 'POST', endpoint: 'creatorInfo', handle: creatorInfo },
  '/v2/post/publish/video/init/': { method: 'POST', endpoint: 'videoInit', handle: videoInit },
  '/v2/post/publish/status/fetch/': { method: 'POST', endpoint: 'statusFetch', handle: statusFetch },
  '/v2/video/list/': { method: 'POST', endpoint: 'videoList', handle: videoList },
  '/video/': { method: 'PUT', endpoint: 'upload', handle: upload },
}

/** The HTTP server of a world; `control` answers what lies under `/__local/`. */
export function createTikTokServer(world: World, control: (call: Call) => Promise<Reply>): Server {
  return createServer((request, response) => {
    serve(world, control, request, response).catch((error: unknown) => {
      // A client that went away is not our failure; anything else is, and must not stay unseen.
      if (request.socket.destroyed || response.destroyed) return
      console.error(error)
      response.destroy()
    })
  })
}

async function serve(
  world: World,
  control: (call: Call) => Promise<Reply>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call: Call = { request, url: new URL(request.url ?? '/', world.url()) }
  const { pathname } = call.url
  if (pathname.startsWith('/__local/')) return writeReply(response, await control(call))

  const route = routes[pathname]
  if (!route) {
    const isPage = pathname === '/' || pathname.startsWith('/@')
    await drain(request)
    return writeReply(response, isPage ? page(world, pathname) : { status: 404 })
  }
  if (route.method !== request.method) {
    await drain(request)
    return writeReply(response, { status: 405, headers: { allow: route.method } })
  }

  const effect = world.faults.strike(route.endpoint)
  if (effect) count(world, 'faults')
  if (effect?.kind === 'dropBefore') return cut(response)
  if (effect?.kind === 'delay') await wait(effect.delayMs)

  const reply =
    effect?.kind === 'status' ? await staged(world, call, route, effect) : await route.handle(world, call)
  if (reply.refusal) countRefusal(world, reply.refusal)
  if (effect?.kind === 'dropAfter') return cut(response)
  return writeReply(response, reply, effect?.kind === 'garble')
}

function cut(response: ServerResponse): void {
  response.destroy()
}

type StatusEffect = Extract<FaultEffect, { readonly kind: 'status' }>

/** An answer that a fault puts in place of the endpoint's own, in the shape that the endpoint has. */
async function staged(world: World, { request }: Call, route: Route, effect: StatusEffect): Promise<Reply> {
  await drain(request)
  const { status, code, retryAfterSeconds } = effect
  const now = world.now()
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  switch (route.endpoint) {
    case 'upload':
      return { status, headers, refusal: `http_${status}` }
    case 'token':
      return { ...refuseOAuth(status, code ?? 'server_error', 'Injected fault', now), headers }
    default:
      return { ...refuse(status, code ?? 'internal_error', 'Injected fault', now), headers }
  }
}
