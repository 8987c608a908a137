import type { IncomingMessage } from 'node:http'

/** The path that a request is for, without its query; null if its target is none, such as `//`. */
export function pathOf({ url = '/' }: Pick<IncomingMessage, 'url'>): string | null {
  // Not `new URL`, which throws: whatever a stranger sends is only a wrong request.
  return URL.parse(url, 'http://unused')?.pathname ?? null
}
