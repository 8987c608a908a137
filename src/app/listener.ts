import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { explainListenError } from '../startup-error.ts'

/** The API's address, held from the first moment of a start. */
export interface Listener {
  /** Whoever serves here replaces what answers its requests. */
  readonly server: Server
  /** Where it listens, such as `http://127.0.0.1:4000`. */
  readonly address: string
  /** Closes it, unless whoever served here has done so. */
  close(): Promise<void>
}

/**
 * Listens before anything is written: a start whose port is taken changes nothing. Until somebody serves here, requests are
 * answered 503, but for `/livez`. Throws `ConfigError` where nobody can listen.
 */
export async function listen(place: { readonly host: string; readonly port: number }): Promise<Listener> {
  const server = createServer(answerStarting)
  server.listen(place.port, place.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw explainListenError(error, { ...place, portSetting: 'PORT' })
  }
  const found = server.address()
  if (typeof found !== 'object' || found === null) throw new Error('the server has no address')
  const name = found.family === 'IPv6' ? `[${found.address}]` : found.address
  return {
    server,
    address: `http://${name}:${found.port}`,
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answerStarting({ url }: IncomingMessage, response: ServerResponse): void {
  const isLive = url === '/livez'
  const errors = [{ message: 'Reelpilot is starting.', extensions: { code: 'STARTING' } }]
  response.writeHead(isLive ? 200 : 503, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    // The connection would otherwise be kept for what serves here next.
    connection: 'close',
    ...(!isLive && { 'retry-after': '1' }),
  })
  response.end(JSON.stringify(isLive ? { ok: true } : { ok: false, errors }))
}
