import type { IncomingMessage } from 'node:http'

/**
 * The path of a request without its query; null if its target or its `Host` do not form a URL. Composes the URL as yoga's
 * adapter does, which answers such a request with a stack trace.
 */
export function pathOf({ url = '/', headers }: Pick<IncomingMessage, 'url' | 'headers'>): string | null {
  if (!url.startsWith('/')) return null
  // `URL.parse` returns null where `new URL` throws.
  return URL.parse(`http://${headers.host || 'localhost'}${url}`)?.pathname ?? null
}
