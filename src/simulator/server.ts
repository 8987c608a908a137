import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { profilePage } from './console/profile.ts'
import type { SimulatorContext } from './context.ts'
import { count, countRefusal } from './counters.ts'
import type { FaultEffect } from './fault.ts'
import { drain } from './http/body.ts'
import { type Call, createCall } from './http/call.ts'
import { callerOf } from './http/caller.ts'
import { corruptionOf } from './http/corrupt.ts'
import { type Reply, redirect, refuse, refuseOAuth } from './http/reply.ts'
import { writeReply } from './http/write-reply.ts'
import { type Route, routes } from './route.ts'

/** Serves TikTok's endpoints and the profile pages; `control` serves `/__local/`. */
export function createHandler(
  context: SimulatorContext,
  control: (call: Call) => Promise<Reply>,
): RequestListener {
  return (request, response) => {
    serve(context, control, request, response).catch((error: unknown) => {
      // A client that disconnected is no error of this server; any other error is printed.
      if (request.socket.destroyed || response.destroyed) return
      console.error(error)
      response.destroy()
    })
  }
}

async function serve(
  context: SimulatorContext,
  control: (call: Call) => Promise<Reply>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call = createCall(request, context.url())
  const { pathname } = call.url
  if (pathname.startsWith('/__local/')) return writeReply(response, await control(call))

  const route = routes[pathname]
  if (!route) {
    const isPage = pathname === '/' || pathname.startsWith('/@')
    await drain(request)
    return writeReply(response, isPage ? profilePage(context, pathname) : { status: 404 })
  }
  if (route.method !== request.method) {
    await drain(request)
    return writeReply(response, { status: 405, headers: { allow: route.method } })
  }

  const effect = context.faults.apply(route.endpoint, await callerOf(context, call, route.endpoint))
  if (effect) count(context, 'faults')
  if (effect?.kind === 'dropBefore') return cutConnection(response)
  if (effect?.kind === 'delay') await wait(effect.delayMs)

  const reply = await (injectedReply(context, call, route, effect) ?? route.handle(context, call))
  if (reply.refusal) countRefusal(context, reply.refusal)
  if (effect?.kind === 'dropAfter') return cutConnection(response)
  return writeReply(response, reply, corruptionOf(effect))
}

function cutConnection(response: ServerResponse): void {
  response.destroy()
}

/** The reply of a fault that replaces the endpoint's own. */
function injectedReply(
  context: SimulatorContext,
  { request }: Call,
  { endpoint }: Route,
  effect: FaultEffect | undefined,
): Promise<Reply> | undefined {
  if (effect?.kind !== 'status' && effect?.kind !== 'redirect') return undefined
  const reply =
    effect.kind === 'status'
      ? injectedStatus(endpoint, effect, context.now())
      : redirect(307, effect.location ?? `${context.url()}/__local/elsewhere`)
  return drain(request).then(() => reply)
}

type StatusEffect = Extract<FaultEffect, { readonly kind: 'status' }>

/** A refusal in the shape of the endpoint's own refusals. */
function injectedStatus(endpoint: Route['endpoint'], effect: StatusEffect, now: number): Reply {
  const { status, code, retryAfterSeconds } = effect
  const headers = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }
  switch (endpoint) {
    case 'upload':
      return { status, headers, refusal: `http_${status}` }
    case 'token':
    case 'revoke':
      return { ...refuseOAuth(status, code ?? 'server_error', 'Injected fault', now), headers }
    default:
      return { ...refuse(status, code ?? 'internal_error', 'Injected fault', now), headers }
  }
}
