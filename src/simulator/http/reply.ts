import { randomBytes } from 'node:crypto'

/** The answer of an endpoint. */
export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON in which a bigint is written as a number. */
  readonly json?: unknown
  readonly text?: {
    readonly type: 'text/html' | 'text/css' | 'text/javascript' | 'image/svg+xml'
    readonly body: string
  }
  /** A file to stream, with the requested range. */
  readonly file?: { readonly path: string; readonly type: string; readonly range: string | undefined }
  /** The code under which a refusal is counted. */
  readonly refusal?: string
}

/** Success in TikTok's envelope. A few answers have no data. */
export function succeed(data: object | undefined, now: number): Reply {
  const error = { code: 'ok', message: '', log_id: logId(now) }
  return { status: 200, json: data === undefined ? { error } : { data, error } }
}

/** Failure in TikTok's envelope. */
export function refuse(status: number, code: string, message: string, now: number): Reply {
  return { status, json: { data: {}, error: { code, message, log_id: logId(now) } }, refusal: code }
}

/** Failure in OAuth's flat shape. */
export function refuseOAuth(status: number, error: string, description: string, now: number): Reply {
  return { status, json: { error, error_description: description, log_id: logId(now) }, refusal: error }
}

/** 14 digits of UTC time and 20 hexadecimal digits, like TikTok's. */
function logId(now: number): string {
  const time = new Date(now).toISOString().replace(/\D/g, '').slice(0, 14)
  return time + randomBytes(10).toString('hex').toUpperCase()
}

export function redirect(status: 302 | 307, location: string): Reply {
  return { status, headers: { location } }
}
