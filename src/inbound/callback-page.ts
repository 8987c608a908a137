import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { ConnectionOutcome } from './finish-connecting.ts'

interface Text {
  readonly status: number
  readonly title: string
  readonly lines: readonly string[]
  readonly retryAfterSeconds?: number
}

/** What is told, besides how the way ended: that it could not be looked at, or that we made a mistake. */
export type CallbackOutcome =
  | ConnectionOutcome
  | { readonly kind: 'unavailable'; readonly retryAfterSeconds: number }
  | { readonly kind: 'broken'; readonly requestId: string }

/** What a permission that was not granted takes away. */
const without: Readonly<Record<string, string>> = {
  'video.publish': 'nothing can be posted directly',
  'video.upload': 'no drafts can be put into the inbox',
  'video.list': 'a post whose answer was lost cannot be looked up among the videos',
  'user.info.profile': 'the handle is not shown',
  'user.info.stats': 'follower counts are not shown',
  'user.info.basic': 'the name is not shown',
}

function textOf(outcome: CallbackOutcome): Text {
  switch (outcome.kind) {
    case 'connected':
      return {
        status: 200,
        title: `@${outcome.username} is connected`,
        lines: [
          outcome.missingScopes.length === 0
            ? 'Everything that was asked for is granted.'
            : `Not everything that was asked for is granted, so ${listOf(outcome.missingScopes)}. To change that, connect the account again and leave the switches on.`,
          'You can close this page.',
        ],
      }
    case 'declined':
      return {
        status: 200,
        title: 'Nothing was connected',
        lines: ['You said no at TikTok, so nothing has changed.', 'You can close this page.'],
      }
    case 'notInSandbox':
      return {
        status: 403,
        title: 'This TikTok account is not on the list',
        lines: [
          'The TikTok app is in its sandbox, and only accounts on its list of target users can connect.',
          'Whoever runs the app has to add the account there; that may take TikTok an hour.',
        ],
      }
    case 'otherCreator':
      return {
        status: 409,
        title: 'That was another account',
        lines: [
          `You were to connect @${outcome.expected} again, but signed in to TikTok as @${outcome.username}.`,
          'Nothing has changed. Sign in to TikTok with the right account and start again.',
        ],
      }
    case 'unknownAttempt':
      return {
        status: 410,
        title: 'This way is closed',
        lines: ['It was used before, or it is older than 15 minutes.', 'Start again from where you came.'],
      }
    case 'malformed':
      return {
        status: 400,
        title: 'There is nothing to see here',
        lines: ['This page is where TikTok sends people back to; by itself it does nothing.'],
      }
    case 'unavailable':
      return {
        status: 503,
        title: 'This cannot be finished right now',
        lines: [
          'Something that is needed for it is out of reach at this moment.',
          'Reload this page in a minute. If it then says that this way is closed, start again from where you came.',
        ],
        retryAfterSeconds: outcome.retryAfterSeconds,
      }
    case 'broken':
      return {
        status: 500,
        title: 'Something went wrong on our side',
        lines: ['Start again from where you came.', `For support: ${outcome.requestId}`],
      }
    case 'failed':
      return {
        status: 502,
        title: 'The account could not be connected',
        lines: [
          outcome.failure.message,
          'Nothing has changed. Start again from where you came.',
          `For support: ${[outcome.failure.code, outcome.failure.logId].filter(Boolean).join(', ')}`,
        ],
      }
  }
}

function listOf(scopes: readonly string[]): string {
  const losses = scopes.map((scope) => without[scope] ?? `${scope} is missing`)
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

/** Answers the browser that came back from TikTok, with a page that stands alone: no script, no other address. */
export function sendCallbackPage(response: ServerResponse, outcome: CallbackOutcome): void {
  const { status, title, lines, retryAfterSeconds } = textOf(outcome)
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    // The address holds the code: it must not travel on.
    'referrer-policy': 'no-referrer',
    'content-security-policy': policy,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    ...(retryAfterSeconds && { 'retry-after': String(retryAfterSeconds) }),
  })
  response.end(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title><style>${style}</style></head><body><main><h1>${escaped(title)}</h1>
${lines.map((line) => `<p>${escaped(line)}</p>`).join('\n')}
</main></body></html>`)
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
