import { isIP } from 'node:net'
import { type Reply, refuse } from '../http/reply.ts'
import type { LocalApp } from '../record.ts'

/**
 * TikTok's refusal of a URL to download from: another scheme than https is an invalid parameter; an IP address or a URL
 * outside the verified properties is not the developer's own. Source: media transfer guide.
 *
 * Here a loopback URL prefix can be verified, too, with http and an IP address: the simulator downloads from there.
 */
export function pullUrlRefusal(app: LocalApp, text: string, now: number): Reply | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isLocal = url !== undefined && isLoopback(url)
  if (!url || (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLocal))) {
    return refuse(400, 'invalid_params', 'The URL must use https.', now)
  }
  const isAddress = isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0
  const isVerified = app.verifiedProperties.some((property) => isCoveredBy(url, property))
  if (isVerified && (!isAddress || isLocal)) return undefined
  return refuse(403, 'url_ownership_unverified', 'The ownership of the URL is not verified.', now)
}

/** A domain covers its subdomains and all paths; a URL prefix is compared literally. */
function isCoveredBy(url: URL, property: string): boolean {
  if (property.includes('://')) return url.href.startsWith(property)
  return url.hostname === property || url.hostname.endsWith(`.${property}`)
}

/** The only host that this server downloads from. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '127.0.0.1' || hostname === '[::1]'
}
