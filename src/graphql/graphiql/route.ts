import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { notFound, sendProblem } from '../server/problem.ts'
import { encodingFor, loadAssets } from './assets.ts'

/** Whether a browser requests a page rather than an API response. */
export function acceptsHtml({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): boolean {
  return (method === 'GET' || method === 'HEAD') && (headers.accept ?? '').includes('text/html')
}

/**
 * Allows scripts and connections of this server only. Monaco, GraphiQL's editor, creates its styles and fonts at run time, so
 * these cannot be listed by hash.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Serves the page. It holds no key: the user types it, or follows a link with the key in its fragment, which is never sent. */
export async function serveGraphiql(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const page = Buffer.from(pageWith((await loadAssets()).hash))
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.setHeader('content-security-policy', contentSecurityPolicy)
  response.setHeader('cache-control', 'no-cache')
  // The same URL serves API responses to clients that do not accept HTML.
  response.setHeader('vary', 'accept')
  const tag = createHash('sha256').update(page).digest('hex').slice(0, 16)
  send(request, response, `"${tag}"`, page)
}

/** Serves a file of the page, at `<hash>/<name>`. */
export async function serveAsset(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const { hash, byName } = await loadAssets()
  const [requestedHash, name, ...more] = path.split('/')
  const asset = requestedHash === hash && more.length === 0 ? byName.get(name ?? '') : undefined
  if (!asset || (request.method !== 'GET' && request.method !== 'HEAD'))
    return sendProblem(response, notFound)
  const encoding = encodingFor(request.headers['accept-encoding'])
  response.setHeader('content-type', asset.contentType)
  response.setHeader('cache-control', 'public, max-age=31536000, immutable')
  response.setHeader('vary', 'accept-encoding')
  if (encoding !== 'identity') response.setHeader('content-encoding', encoding)
  send(request, response, `"${hash}-${name}-${encoding}"`, await asset.encoded(encoding))
}

function send(request: IncomingMessage, response: ServerResponse, tag: string, content: Buffer): void {
  response.setHeader('etag', tag)
  if (request.headers['if-none-match']?.includes(tag)) {
    response.removeHeader('content-encoding')
    return void response.writeHead(304).end()
  }
  response.writeHead(200, { 'content-length': content.length })
  response.end(request.method === 'HEAD' ? undefined : content)
}

/** URLs are relative, because a proxy may serve the API below a path. */
const pageWith = (hash: string) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Reelpilot</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="graphiql/${hash}/graphiql.css">
<link rel="stylesheet" href="graphiql/${hash}/page.css">
<script src="graphiql/${hash}/page.js" data-assets="graphiql/${hash}/" defer></script>
<script src="graphiql/${hash}/graphiql.js" defer></script>
</head>
<body>
<form id="sign-in" autocomplete="off">
<label for="api-key">API key</label>
<input id="api-key" type="password" placeholder="rp_live_…" autocomplete="off" spellcheck="false" required>
<output id="signed-in" hidden></output>
<button></button>
</form>
<div id="graphiql"></div>
<noscript>GraphiQL needs JavaScript.</noscript>
</body>
</html>
`
