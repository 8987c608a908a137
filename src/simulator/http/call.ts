import type { IncomingMessage } from 'node:http'
import { readBody } from './body.ts'

/** One request. */
export interface Call {
  readonly request: IncomingMessage
  readonly url: URL
  /** The body. It is read once and may be requested repeatedly. */
  readonly text: () => Promise<string>
}

export function createCall(request: IncomingMessage, base: string): Call {
  let text: Promise<string> | undefined
  return {
    request,
    url: new URL(request.url ?? '/', base),
    text() {
      text ??= readBody(request)
      return text
    },
  }
}

/** The access token of a call, or an empty string. */
export function bearerOf({ request }: Call): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? ''
}

/** The `fields` of a Display API call, which TikTok accepts only in the query. */
export function fieldsOf({ url }: Call): readonly string[] {
  return (url.searchParams.get('fields') ?? '').split(',').filter((field) => field !== '')
}
