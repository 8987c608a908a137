import type { IncomingMessage } from 'node:http'
import { RecentMap } from '../compiled/recent-map.ts'

/**
 * The path of a request without its query; null if its target or its `Host` do not form a URL. Composes the URL as yoga's
 * adapter does, which answers such a request with a stack trace.
 */
export function pathOf({ url = '/', headers }: Pick<IncomingMessage, 'url' | 'headers'>): string | null {
  if (!url.startsWith('/')) return null
  const address = `http://${headers.host || 'localhost'}${url}`
  const known = parsedPaths.get(address)
  if (known !== undefined) return known
  // `URL.parse` returns null where `new URL` throws.
  const path = URL.parse(address)?.pathname ?? null
  if (path !== null && address.length <= 200) parsedPaths.set(address, path)
  return path
}

/** Parsing the few addresses that are requested again and again takes as long as authenticating a request. */
const parsedPaths = new RecentMap<string, string>(100)
