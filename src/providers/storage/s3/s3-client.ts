import { Readable } from 'node:stream'
import { AwsClient } from 'aws4fetch'
import type { Secret } from '../../../secret.ts'
import { StorageFault } from '../storage.ts'
import { errorOfAnswer } from './s3-fault.ts'

/** A bucket and the credentials for it. */
export interface Bucket {
  /** Such as `https://s3.eu-central-1.amazonaws.com`, without a path. */
  readonly endpoint: string
  readonly name: string
  /** Default: what the host's name says, else `us-east-1`. */
  readonly region?: string
  readonly accessKeyId: string
  readonly secretAccessKey: Secret
}

/**
 * Runs a request to the store, such as behind a circuit breaker. `timeoutMs` is the longest that it can take. May throw
 * StorageDeferred instead.
 */
export type StorageGuard = <Value>(
  call: { readonly timeoutMs: number },
  run: () => Promise<Value>,
) => Promise<Value>

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Empty for the bucket itself. */
  readonly key: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Blob
  readonly signal?: AbortSignal | undefined
  /** Statuses that are no errors, besides 2xx. */
  readonly accept?: readonly number[]
}

export interface S3Client {
  /**
   * Sends a request once. Returns the answer when its headers are here; its body must be read or cancelled. Throws StorageFault,
   * StorageFull, ObjectMissing, ContentMismatch, what the guard throws, or the signal's reason.
   */
  send(request: S3Request): Promise<Response>
  /** Reads the body of an answer. A body that stands still for a minute, or is cut, fails with a StorageFault. */
  read(answer: Response): Readable
}

/** A server must answer within this time, and take at least 1 MB a second of a body: slower is as good as gone. */
const answerMs = 30_000
const msPerByte = 1_000 / 1_000_000
const maxStallMs = 60_000

/** `now`: epoch milliseconds, for signatures. Servers refuse a clock that is more than 15 minutes off. */
export function createS3Client(
  bucket: Bucket,
  { guard, now = Date.now }: { readonly guard: StorageGuard; readonly now?: () => number },
): S3Client {
  const aws = new AwsClient({
    accessKeyId: bucket.accessKeyId,
    secretAccessKey: bucket.secretAccessKey.reveal(),
    service: 's3',
    ...(bucket.region && { region: bucket.region }),
    // Steps retry, with a back-off that all machines share.
    retries: 0,
  })

  async function sendOnce(request: S3Request, timeoutMs: number): Promise<Response> {
    const { method, key, query = {}, headers = {}, body, signal, accept = [] } = request
    const url = new URL(`${bucket.endpoint}/${bucket.name}${key === '' ? '' : `/${key}`}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const what = `${method} of ${key === '' ? 'the bucket' : 'an object'}`
    // Ends the wait for the headers only: the body of a large object may take as long as it moves.
    const timeout = new AbortController()
    const timer = setTimeout(() => timeout.abort(), timeoutMs)
    const answer = await aws
      .fetch(url, {
        method,
        headers,
        ...(body && { body }),
        redirect: 'manual',
        signal: AbortSignal.any([timeout.signal, ...(signal ? [signal] : [])]),
        aws: { datetime: new Date(now()).toISOString().replace(/[:-]|\.\d{3}/g, '') },
      })
      .catch((cause) => {
        signal?.throwIfAborted()
        throw new StorageFault('STORAGE_UNREACHABLE', `${what}: no answer`, { cause })
      })
      .finally(() => clearTimeout(timer))
    if (answer.ok || accept.includes(answer.status)) return answer
    throw await errorOfAnswer(what, answer)
  }

  return {
    async send(request) {
      const timeoutMs = answerMs + (request.body?.size ?? 0) * msPerByte
      return await guard({ timeoutMs }, () => sendOnce(request, timeoutMs))
    },
    read: readMoving,
  }
}

function readMoving({ body }: Response): Readable {
  if (!body) return Readable.from([], { objectMode: false })
  const reader = body.getReader()
  return new Readable({
    read() {
      let timer: NodeJS.Timeout | undefined
      // Only a pending read is timed: a reader of ours may take its time.
      const stall = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no byte came for ${maxStallMs} ms`)), maxStallMs)
      })
      Promise.race([reader.read(), stall])
        .finally(() => clearTimeout(timer))
        .then(
          ({ value }) => void this.push(value ?? null),
          (cause) => {
            this.destroy(new StorageFault('STORAGE_UNREACHABLE', 'the object was cut on its way', { cause }))
          },
        )
    },
    destroy(error, callback) {
      reader.cancel().then(
        () => callback(error),
        () => callback(error),
      )
    },
  })
}
