import type { Answer } from '../providers/tiktok/http/answer.ts'

/** What a call says of the one whom a breaker watches. */
export type Finding =
  /** It does what it is there for; also by a refusal, or by saying that it is too early. */
  | { readonly kind: 'well' }
  | { readonly kind: 'failing'; readonly afterSeconds?: number }
  /** Nothing, although it was asked. A probe that proved nothing keeps its place until its time is over. */
  | { readonly kind: 'silent' }
  /** It was not asked after all. */
  | { readonly kind: 'unasked' }

/** What an answer says of TikTok's host. What it holds against the request, the account or our pace is no failure of its own. */
export function findingOfHost(answer: Answer<unknown>): Finding {
  switch (answer.kind) {
    case 'ok':
    case 'refused':
    case 'unauthorized':
    case 'rateLimited':
      return { kind: 'well' }
    case 'deferred':
      return { kind: 'unasked' }
    case 'notSent':
      return ownDoing.has(answer.code) ? { kind: 'unasked' } : { kind: 'failing' }
    case 'unknown':
      switch (answer.cause) {
        case 'serverError':
        case 'timeout':
        case 'connectionLost': {
          const { retryAfterSeconds: afterSeconds } = answer
          return { kind: 'failing', ...(afterSeconds !== undefined && { afterSeconds }) }
        }
        case 'aborted':
          return { kind: 'unasked' }
        case 'unreadable':
          return { kind: 'silent' }
      }
  }
}

/** What an answer says of the account for which the call was made: whether TikTok still serves it. */
export function findingOfAccount(answer: Answer<unknown>): Finding {
  switch (answer.kind) {
    case 'ok':
      return { kind: 'well' }
    case 'refused':
      return banned.has(answer.code) ? { kind: 'failing' } : { kind: 'well' }
    case 'unauthorized':
      return deadToken.has(answer.code) ? { kind: 'failing' } : { kind: 'well' }
    case 'rateLimited':
      return { kind: 'silent' }
    default: {
      const ofHost = findingOfHost(answer)
      return ofHost.kind === 'failing' ? { kind: 'silent' } : ofHost
    }
  }
}

/** Codes of `notSent` that the network has no part in. */
const ownDoing: ReadonlySet<string> = new Set(['ABORTED', 'INVALID_REQUEST'])

/** A scope that was not granted closes some calls and not the others: that is no fault of the account's. */
const deadToken: ReadonlySet<string> = new Set(['access_token_invalid', 'http_401'])

const banned: ReadonlySet<string> = new Set(['spam_risk_user_banned_from_posting'])
