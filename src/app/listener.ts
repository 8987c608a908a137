import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { uploadPath } from '../inbound/uploads/upload-path.ts'
import { explainListenError } from '../startup-error.ts'

/** The API's address, bound at the beginning of a start. */
export interface Listener {
  /** The API replaces its request handler. */
  readonly server: Server
  /** Such as `http://127.0.0.1:4000`. */
  readonly address: string
  /** Does nothing if the API has closed it. */
  close(): Promise<void>
}

/**
 * Binds the address before anything is written, so that a start whose port is taken changes nothing. Until the API serves,
 * every request but `/livez` is answered 503, or 423 for an upload. Throws `ConfigError` for an address that cannot be used.
 */
export async function listen(address: { readonly host: string; readonly port: number }): Promise<Listener> {
  const server = createServer(answerStarting)
  server.listen(address.port, address.host)
  try {
    await once(server, 'listening')
  } catch (error) {
    throw explainListenError(error, { ...address, portSetting: 'PORT' })
  }
  const bound = server.address()
  if (typeof bound !== 'object' || bound === null) throw new Error('the server has no address')
  const host = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address
  return {
    server,
    address: `http://${host}:${bound.port}`,
    async close() {
      if (!server.listening) return
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

function answerStarting({ url = '' }: IncomingMessage, response: ServerResponse): void {
  const isLive = url === '/livez'
  // At another status a tus client takes its upload for lost, and begins a new one.
  const starting = url.startsWith(`${uploadPath}/`) ? 423 : 503
  const errors = [{ message: 'Reelpilot is starting.', extensions: { code: 'STARTING' } }]
  response.writeHead(isLive ? 200 : starting, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    // A kept connection would not reach the API's own handler.
    connection: 'close',
    ...(!isLive && { 'retry-after': '1' }),
  })
  response.end(JSON.stringify(isLive ? { ok: true } : { ok: false, errors }))
}
