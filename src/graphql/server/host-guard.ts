import type { IncomingMessage } from 'node:http'
import type { Problem } from './problem.ts'

/**
 * Answers for a request why it is not for this server, or null. A page of another site can have its name resolve to this server's
 * address, and its browser then takes both for one origin (DNS rebinding): only `Host` tells them apart.
 */
export type HostGuard = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => Problem | null

/** `publicUrl` is where the API is reached from outside, `listensOn` the name or address that it was told to listen on. */
export function createHostGuard(publicUrl: string | undefined, listensOn: string): HostGuard {
  const named = [publicUrl && URL.parse(publicUrl)?.host, bracketed(listensOn)].map((each) =>
    nameOf(each || undefined),
  )
  const names = new Set(named.filter((name) => name !== null))
  const isNamedLoopback = [...names].some(isLoopback)

  return ({ headers, socket }) => {
    const name = nameOf(headers.host)
    if (name !== null) {
      if (names.has(name)) return null
      const local = nameOf(bracketed(socket.localAddress?.replace(/^::ffff:/, '') ?? ''))
      // By the very address that it came to: a page that was rebound has a name.
      if (name === local) return null
      if (isLoopback(name) && (isNamedLoopback || (local !== null && isLoopback(local)))) return null
    }
    const told = name === null ? 'without a readable Host' : `at "${name}"`
    const message = `The API does not answer ${told}. Set PUBLIC_URL to the address that it is reached at.`
    return { status: 421, code: 'HOST_NOT_ALLOWED', message }
  }
}

/** The host of a `Host` header without its port, in the spelling of URLs; null if it is none. */
function nameOf(host: string | undefined): string | null {
  if (!host || /[/?#@\\]/.test(host)) return null
  return URL.parse(`http://${host}`)?.hostname.replace(/\.$/, '') ?? null
}

const bracketed = (address: string) => (address.includes(':') ? `[${address}]` : address)

function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(name)
}
