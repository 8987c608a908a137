import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { ConnectionOutcome } from './finish-connecting.ts'

interface PageText {
  readonly status: number
  readonly title: string
  readonly paragraphs: readonly string[]
  readonly retryAfterSeconds?: number
}

/** How the request ended: the connection's outcome, a dependency that is down, or a bug of ours. */
export type CallbackOutcome =
  | ConnectionOutcome
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number }
  | { readonly kind: 'internalError'; readonly requestId: string }

/** What does not work without a scope. */
const lossOfScope: Readonly<Record<string, string>> = {
  'video.publish': 'nothing can be posted directly',
  'video.upload': 'no drafts can be put into the inbox',
  'video.list': 'a post whose answer was lost cannot be looked up among the videos',
  'user.info.profile': 'the handle is not shown',
  'user.info.stats': 'follower counts are not shown',
  'user.info.basic': 'the name is not shown',
}

function textOf(outcome: CallbackOutcome): PageText {
  switch (outcome.kind) {
    case 'connected':
      return {
        status: 200,
        title: `@${outcome.username} is connected`,
        paragraphs: [
          outcome.missingScopes.length === 0
            ? 'All requested permissions are granted.'
            : `Some requested permissions were not granted, so ${listOf(outcome.missingScopes)}. To change that, connect the account again and leave the switches on.`,
          'You can close this page.',
        ],
      }
    case 'declined':
      return {
        status: 200,
        title: 'Nothing was connected',
        paragraphs: ['You declined at TikTok, so nothing has changed.', 'You can close this page.'],
      }
    case 'notInSandbox':
      return {
        status: 403,
        title: 'This TikTok account is not on the list',
        paragraphs: [
          'The TikTok app is in its sandbox, and only accounts on its list of target users can connect.',
          'The operator of the app has to add the account to that list; TikTok may need an hour to apply it.',
        ],
      }
    case 'otherCreator':
      return {
        status: 409,
        title: 'This is another account',
        paragraphs: [
          `This link connects @${outcome.expected} again, but you signed in to TikTok as @${outcome.username}.`,
          'Nothing has changed. Sign in to TikTok with the right account and start again.',
        ],
      }
    case 'unknownAttempt':
      return {
        status: 410,
        title: 'This link has expired',
        paragraphs: [
          'It was used before, or it is older than 15 minutes.',
          'Start again from where you came.',
        ],
      }
    case 'malformed':
      return {
        status: 400,
        title: 'Nothing to do here',
        paragraphs: [
          'TikTok sends people here after they connect an account. Opened directly, it does nothing.',
        ],
      }
    case 'unavailable':
      return {
        status: 503,
        title: 'This cannot be finished right now',
        paragraphs: [
          'A service that is needed for this is unavailable.',
          'Reload this page in a minute. If it then says that the link has expired, start again from where you came.',
        ],
        retryAfterSeconds: outcome.retryAfterSeconds,
      }
    case 'internalError':
      return {
        status: 500,
        title: 'Something went wrong on our side',
        paragraphs: ['Start again from where you came.', `For support: ${outcome.requestId}`],
      }
    case 'failed':
      return {
        status: 502,
        title: 'The account could not be connected',
        paragraphs: [
          outcome.failure.message,
          'Nothing has changed. Start again from where you came.',
          `For support: ${[outcome.failure.code, outcome.failure.logId].filter(Boolean).join(', ')}`,
        ],
      }
  }
}

function listOf(scopes: readonly string[]): string {
  const losses = scopes.map((scope) => lossOfScope[scope] ?? `${scope} is missing`)
  return losses.length < 2 ? losses.join('') : `${losses.slice(0, -1).join(', ')} and ${losses.at(-1)}`
}

const style = `
:root { color-scheme: light dark; font: 17px/1.55 system-ui, sans-serif }
body { display: grid; min-height: 90vh; place-items: center; margin: 0 }
main { max-width: 30rem; padding: 2rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 1rem }
p { margin: .6rem 0; opacity: .85 }
`
const styleHash = createHash('sha256').update(style).digest('base64')
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${styleHash}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Answers the browser with a self-contained page: no script, and no request to any other URL. */
export function sendCallbackPage(response: ServerResponse, outcome: CallbackOutcome): void {
  const { status, title, paragraphs, retryAfterSeconds } = textOf(outcome)
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    // The URL contains the code, which must not be sent to other sites.
    'referrer-policy': 'no-referrer',
    'content-security-policy': policy,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    ...(retryAfterSeconds && { 'retry-after': String(retryAfterSeconds) }),
  })
  response.end(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title><style>${style}</style></head><body><main><h1>${escapeHtml(title)}</h1>
${paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join('\n')}
</main></body></html>`)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
