import type { IncomingMessage } from 'node:http'

/**
 * The path that a request is for, without its query; null if it has none that can be read, for its target or its `Host` are no
 * part of a URL. Put together as yoga's adapter does it, which would answer such a request with a stack trace.
 */
export function pathOf({ url = '/', headers }: Pick<IncomingMessage, 'url' | 'headers'>): string | null {
  if (!url.startsWith('/')) return null
  // Not `new URL`, which throws: whatever a stranger sends is only a wrong request.
  return URL.parse(`http://${headers.host || 'localhost'}${url}`)?.pathname ?? null
}
