import { ObjectMissing, StorageFault, type StorageFaultCode, StorageFull } from '../storage.ts'

/** What an S3 server's error code means. Codes that are not listed follow from the HTTP status. */
const faultsOfCodes: Readonly<Record<string, StorageFaultCode>> = {
  SlowDown: 'STORAGE_BUSY',
  RequestTimeout: 'STORAGE_BUSY',
  OperationAborted: 'STORAGE_BUSY',
  // The content was damaged or cut on its way.
  XAmzContentSHA256Mismatch: 'STORAGE_BUSY',
  BadDigest: 'STORAGE_BUSY',
  IncompleteBody: 'STORAGE_BUSY',
  ConditionalRequestConflict: 'STORAGE_BUSY',
  RequestTimeTooSkewed: 'STORAGE_CLOCK',
  RequestExpired: 'STORAGE_CLOCK',
  NoSuchBucket: 'STORAGE_BUCKET',
  InvalidBucketName: 'STORAGE_BUCKET',
  AuthorizationHeaderMalformed: 'STORAGE_REGION',
  PermanentRedirect: 'STORAGE_REGION',
  IllegalLocationConstraintException: 'STORAGE_REGION',
  InvalidAccessKeyId: 'STORAGE_CREDENTIALS',
}
const fullCodes: ReadonlySet<string> = new Set(['QuotaExceeded', 'InsufficientStorage', 'XMinioStorageFull'])

function faultOfStatus(status: number): StorageFaultCode {
  if (status === 401 || status === 403) return 'STORAGE_CREDENTIALS'
  // A redirect leads to another region's host, for which the request is not signed.
  if (status >= 300 && status < 400) return 'STORAGE_REGION'
  return status === 408 || status === 409 || status === 429 || status >= 500
    ? 'STORAGE_BUSY'
    : 'STORAGE_REFUSED'
}

/**
 * The error of a server's answer that is no success: `what` names the request, such as "PUT of an object". Reads the body, which the
 * answer to a HEAD lacks; then the status alone decides.
 */
export async function errorOfAnswer(what: string, answer: Response): Promise<Error> {
  const body = await answer.text().catch(() => '')
  const code = /<Code>(\w{1,64})<\/Code>/.exec(body)?.[1]
  const message = `${what}: ${answer.status}${code ? ` ${code}` : ''}`
  if (answer.status === 507 || (code !== undefined && fullCodes.has(code)))
    return new StorageFull(`the storage is full: ${message}`)
  const fault =
    faultsOfCodes[code ?? ''] ?? (answer.status === 404 ? undefined : faultOfStatus(answer.status))
  if (fault === undefined) return new ObjectMissing(message)
  const region = /<Region>([a-z0-9-]{1,40})<\/Region>/.exec(body)?.[1]
  return new StorageFault(fault, region ? `${message}, the region is ${region}` : message, {
    afterSeconds: retryAfterSeconds(answer),
  })
}

function retryAfterSeconds(answer: Response): number | undefined {
  const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN)
  return seconds > 0 && seconds <= 3_600 ? seconds : undefined
}
