import type { IncomingMessage } from 'node:http'
import { RecentMap } from '../compiled/recent-map.ts'
import type { Problem } from './problem.ts'

/**
 * Returns a problem if a request's `Host` does not name this server, else null. Protects against DNS rebinding: a site that
 * resolves its own name to this server's address shares an origin with it in the browser; only `Host` differs.
 */
export type HostGuard = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => Problem | null

/** `publicUrl` is the address of the API from outside, `listensOn` the name or address that the server listens on. */
export function createHostGuard(publicUrl: string | undefined, listensOn: string): HostGuard {
  const hosts = [publicUrl && URL.parse(publicUrl)?.host, bracketed(listensOn)].map((each) =>
    nameOf(each || undefined),
  )
  const names = new Set(hosts.filter((name) => name !== null))
  const acceptsLoopback = [...names].some(isLoopback)

  return ({ headers, socket }) => {
    const name = nameOf(headers.host)
    if (name !== null) {
      if (names.has(name)) return null
      const local = nameOf(bracketed(socket.localAddress?.replace(/^::ffff:/, '') ?? ''))
      // The request names the address that it arrived at. A rebound page has a domain name instead.
      if (name === local) return null
      if (isLoopback(name) && (acceptsLoopback || (local !== null && isLoopback(local)))) return null
    }
    const host = name === null ? 'a missing or malformed Host header' : `the host "${name}"`
    const message = `The API does not accept requests for ${host}. Set PUBLIC_URL to the address of the API.`
    return { status: 421, code: 'HOST_NOT_ALLOWED', message }
  }
}

/** Parsing the few hosts that clients name takes as long as authenticating a request. */
const parsedNames = new RecentMap<string, string>(100)

/** The host of a `Host` header without its port, normalized as in URLs; null if it is malformed. */
function nameOf(host: string | undefined): string | null {
  if (!host) return null
  const known = parsedNames.get(host)
  if (known !== undefined) return known
  if (/[/?#@\\]/.test(host)) return null
  const name = URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '') ?? null
  if (name !== null) parsedNames.set(host, name)
  return name
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name)
}
