import { isIP } from 'node:net'
import { type Reply, refuse } from '../http/reply.ts'
import type { LocalApp } from '../record.ts'

/**
 * What TikTok says of a URL that it is to download from and does not want: a bad scheme is a bad parameter; an address in
 * place of a name, and what lies under no verified property, is not the developer's own. Source: media transfer guide.
 *
 * A URL prefix on the loopback may be verified here, over http and with an address, since that is where we really download.
 */
export function pullUrlRefusal(app: LocalApp, text: string, now: number): Reply | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isOurs = url !== undefined && isLoopback(url)
  if (!url || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isOurs))) {
    return refuse(400, 'invalid_params', 'The URL must use https.', now)
  }
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0
  const isVerified = app.verifiedProperties.some((property) => covers(property, url))
  if (isVerified && (!isAddress || isOurs)) return undefined
  return refuse(403, 'url_ownership_unverified', 'The ownership of the URL is not verified.', now)
}

/** A domain covers its subdomains and all paths; a prefix is taken letter by letter. */
function covers(property: string, url: URL): boolean {
  if (property.includes('://')) return url.href.startsWith(property)
  return url.hostname === property || url.hostname.endsWith(`.${property}`)
}

/** The one place that this server really downloads from: it must not be led to reach out of the machine. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}
