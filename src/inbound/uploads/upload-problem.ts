import type { ServerResponse } from 'node:http'
import type { Refusal } from '../../commands/refusal.ts'

/** Why a request of an upload is refused. Thrown to the tus server, it has the fields that it answers with. */
export class UploadProblem extends Error {
  override readonly name = 'UploadProblem'
  readonly status_code: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, code: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status_code = status
    this.code = code
    this.headers = headers
  }

  get body(): string {
    return bodyOf(this.code, this.message)
  }
}

/** A body in the shape of a GraphQL error response, as all problems of this API have. */
export function bodyOf(code: string, message: string): string {
  return JSON.stringify({ errors: [{ message, extensions: { code } }] })
}

export const uploadNotFound = () =>
  new UploadProblem(404, 'NOT_FOUND', 'There is no such upload here. Create it with a POST to /uploads.')
export const uploadGone = () =>
  new UploadProblem(410, 'UPLOAD_EXPIRED', 'The upload was given up or has expired. Create another one.')
export const diskFull = () =>
  new UploadProblem(
    507,
    'STORAGE_FULL',
    'The server has no space for this upload. The operator must free some.',
  )

export const storageUnavailable = () =>
  new UploadProblem(
    503,
    'UNAVAILABLE',
    'All bytes have arrived and are kept, but the storage is unavailable. Ask for the upload again.',
  )

/** The problem of a command's refusal. */
export function problemOfRefusal(refusal: Refusal): UploadProblem {
  if (refusal.kind === 'quotaShort') {
    const { available, needed } = refusal
    const message = `The organization may store ${available} more bytes, and the upload has ${needed}. Delete media, or have the storageBytes quota raised; then resume the upload.`
    return new UploadProblem(413, 'QUOTA_EXCEEDED', message)
  }
  if (refusal.kind !== 'invalid') return uploadNotFound()
  const paths = refusal.fields.map(({ path }) => path)
  const message = refusal.fields.map((field) => `${field.path}: ${field.message}`).join('; ')
  const status = paths.includes('sizeBytes') ? 413 : paths.includes('contentType') ? 415 : 400
  return new UploadProblem(status, 'INVALID_INPUT', message)
}

/** Lets pages of other origins use uploads: a request carries its own credentials, never the browser's. */
export function allowOtherOrigins(response: ServerResponse): void {
  response.setHeader('access-control-allow-origin', '*')
  response.setHeader('cross-origin-resource-policy', 'cross-origin')
}

export function sendUploadProblem(
  response: ServerResponse,
  { status_code, body, headers }: UploadProblem,
): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(status_code, {
    'content-type': 'application/json; charset=utf-8',
    'cache-control': 'no-store',
    'tus-resumable': '1.0.0',
    // What is left of the request's body is not read.
    connection: 'close',
    ...headers,
  })
  response.end(body)
}
