import { once } from 'node:events'
import http from 'node:http'
import WebSocket from 'ws'

/** A subscriber over a real connection, with everything that it has received. */
export interface TestSubscriber {
  /** The JSON of each result, in order. */
  readonly results: string[]
  /** Undefined until the stream or socket has ended. */
  readonly ended: () => string | undefined
  /** Stops or continues reading from the connection. */
  pause(): void
  resume(): void
  close(): void
}

/** Subscribes with several operations over one WebSocket. */
export async function subscribeByWebSocket(
  address: string,
  apiKey: string,
  payloads: readonly object[],
): Promise<readonly TestSubscriber[]> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { apiKey } }))
  await once(socket, 'message')
  let ended: string | undefined
  socket.on('close', (code) => {
    ended = `closed ${code}`
  })
  const subscribers = payloads.map(
    (): TestSubscriber => ({
      results: [],
      ended: () => ended,
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      close: () => socket.terminate(),
    }),
  )
  socket.on('message', (data) => {
    const text = String(data)
    const { id, type } = JSON.parse(text)
    const prefix = `{"id":"${id}","type":"next","payload":`
    if (type === 'next' && text.startsWith(prefix))
      subscribers[Number(id)]?.results.push(text.slice(prefix.length, -1))
    else if (type !== 'ping') ended = text
  })
  for (const [id, payload] of payloads.entries())
    socket.send(JSON.stringify({ id: String(id), type: 'subscribe', payload }))
  return subscribers
}

/** Subscribes over server-sent events. */
export async function subscribeByStream(
  address: string,
  apiKey: string,
  payload: object,
): Promise<TestSubscriber & { readonly requestId: string }> {
  const request = http.request(`${address}/graphql`, {
    method: 'POST',
    agent: false,
    headers: {
      authorization: `Bearer ${apiKey}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
  })
  request.end(JSON.stringify(payload))
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.setEncoding('utf8')
  const results: string[] = []
  let ended: string | undefined
  let rest = ''
  response.on('data', (chunk: string) => {
    const events = (rest + chunk).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      const data = /^event: next\ndata: (.*)$/s.exec(event)?.[1]
      if (data !== undefined) results.push(data)
      else if (event !== ':') ended = event
    }
  })
  const onClose = () => {
    ended ??= 'closed'
  }
  response.on('close', onClose).on('error', onClose)
  return {
    results,
    requestId: String(response.headers['x-request-id']),
    ended: () => ended,
    pause: () => response.pause(),
    resume: () => response.resume(),
    close: () => request.destroy(),
  }
}

export function sequencesOf({ results }: TestSubscriber): readonly number[] {
  return results.map((text) => {
    const { data } = JSON.parse(text) as { readonly data: Readonly<Record<string, { sequence: number }>> }
    return Object.values(data)[0]?.sequence ?? Number.NaN
  })
}
