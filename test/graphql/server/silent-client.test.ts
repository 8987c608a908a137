import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { pingSockets } from '../../../src/graphql/server/socket-ping.ts'
import { createStreamBody } from '../../../src/graphql/server/stream-transport.ts'
import { waitUntil } from '../../support/wait.ts'

/** Lets the test decide when the next ping is due. Sockets stay real. */
function holdIntervals(): () => void {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  return () => vi.advanceTimersByTime(12_000)
}

it('a WebSocket that answers no ping is terminated before the next one, and others stay', async () => {
  const nextPing = holdIntervals()
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  const stop = pingSockets(server)
  onTestFinished(() => {
    stop()
    for (const socket of server.clients) socket.terminate()
    server.close()
  })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connect = async (autoPong: boolean) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong })
    await once(socket, 'open')
    return socket
  }
  const [silent, answering] = [await connect(false), await connect(true)]
  const pings = [once(silent, 'ping'), once(answering, 'ping')]
  const pongs: unknown[] = []
  for (const socket of server.clients) socket.on('pong', () => pongs.push(socket))
  nextPing()
  await Promise.all(pings)
  await waitUntil(
    () => pongs.length,
    (count) => count === 1,
  )
  expect([silent.readyState, answering.readyState]).toEqual([WebSocket.OPEN, WebSocket.OPEN])
  const closed = once(silent, 'close')
  nextPing()
  await closed
  expect(answering.readyState).toBe(WebSocket.OPEN)
})

it('a stream whose client reads nothing is cut, and one that is read gets pings', async () => {
  const nextPing = holdIntervals()
  const large = { data: { text: 'x'.repeat(8_000_000) } }
  const responses = new Map<string, http.ServerResponse>()
  const server = http.createServer((request, response) => {
    responses.set(request.url ?? '', response)
    const results = (async function* () {
      if (request.url === '/silent') for (;;) yield large
      await new Promise(() => undefined)
    })()
    createStreamBody(results).pipe(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const open = async (path: string) => {
    const request = http.get({ host: '127.0.0.1', port, path, agent: false })
    request.on('error', () => undefined)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    response.on('error', () => undefined)
    return response
  }
  const silent = await open('/silent')
  silent.pause()
  const read = await open('/read')
  let bytes = ''
  read.setEncoding('utf8').on('data', (text) => {
    bytes += text
  })
  const response = await waitUntil(
    () => responses.get('/silent'),
    (known) => (known?.writableLength ?? 0) > 0,
  )
  // Until the sockets' buffers are full, the client's side still takes something.
  await waitUntil(() => {
    nextPing()
    return response?.destroyed
  }, Boolean)
  expect(responses.get('/read')?.destroyed).toBe(false)
  await waitUntil(
    () => bytes,
    (text) => text.split(':\n\n').length > 2,
  )
})

it('an open stream keeps nothing that listened to its request, and a client that leaves ends it', async () => {
  const opened = Promise.withResolvers<http.ServerResponse>()
  let hasReturned = false
  const results = {
    next: () => new Promise<never>(() => undefined),
    return: async () => {
      hasReturned = true
      return { value: undefined, done: true as const }
    },
  }
  const server = http.createServer((request, response) => {
    for (const event of ['data', 'error', 'close']) request.on(event, () => undefined)
    createStreamBody(results).pipe(response)
    opened.resolve(response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const client = http.get({ host: '127.0.0.1', port, agent: false })
  client.on('error', () => undefined)
  await once(client, 'response')
  const response = await opened.promise
  expect(response.req.eventNames()).toEqual(['error'])
  const closed = once(response, 'close')
  client.destroy()
  await closed
  expect(hasReturned).toBe(true)
})
